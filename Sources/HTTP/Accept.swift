// What a client accepts, by the ranges and weights of its Accept field (RFC 9110 §12.5.1).
import Values

package enum Accept {
    /// How much the field wants `type/subtype`, in thousandths: 1000 for `q=1`, 0 for not at all and
    /// for a field that no range of covers it. The most specific range decides.
    ///
    /// - Parameter explicitly: only a range that names type and subtype counts; `*/*`, which nearly
    ///   every program sends, says nothing about wanting a page.
    package static func quality(
        of field: Span<UInt8>, type: String, subtype: String, explicitly: Bool = false
    ) -> Int {
        let type = Array(type.utf8)
        let subtype = Array(subtype.utf8)
        var best = (specificity: 0, quality: 0)
        var members = ListMembers()
        while let member = members.next(in: field) {
            guard let range = MediaRange(field.extracting(member)) else { continue }
            let specificity = range.specificity(
                field.extracting(member), type: type.span, subtype: subtype.span)
            guard specificity > 0, !explicitly || specificity >= 3 else { continue }
            if specificity > best.specificity {
                best = (specificity, range.quality)
            } else if specificity == best.specificity {
                best.quality = max(best.quality, range.quality)
            }
        }
        return best.quality
    }

    package static func allows(
        _ field: Span<UInt8>, type: String, subtype: String, explicitly: Bool
    ) -> Bool {
        quality(of: field, type: type, subtype: subtype, explicitly: explicitly) > 0
    }

    private struct MediaRange {
        var type: Range<Int>
        var subtype: Range<Int>
        var quality = 1000

        /// `nil` for what is no media range, which is then no wish of anybody's.
        init?(_ member: Span<UInt8>) {
            var parts = ListMembers()
            guard let range = parts.next(in: member, separatedBy: .semicolon),
                let slash = OctetText.index(of: .slash, in: member.extracting(range))
            else { return nil }
            type = range.lowerBound..<range.lowerBound + slash
            subtype = range.lowerBound + slash + 1..<range.upperBound
            guard member.extracting(type).isToken, member.extracting(subtype).isToken else {
                return nil
            }
            // Other parameters narrow the range; they do not name another type.
            while let parameter = parts.next(in: member, separatedBy: .semicolon) {
                let text = member.extracting(parameter)
                guard text.count >= 2, text[0] | 0x20 == UInt8(ascii: "q"), text[1] == .equals
                else { continue }
                guard let weight = MediaRange.weight(text.extracting(2..<text.count)) else {
                    return nil
                }
                quality = weight
                break
            }
        }

        /// ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
        private static func weight(_ text: Span<UInt8>) -> Int? {
            guard text.count >= 1, text.count <= 5, let whole = text[0].decimalDigit, whole <= 1
            else { return nil }
            guard text.count > 1 else { return Int(whole) * 1000 }
            guard text[1] == .dot else { return nil }
            var thousandths = Int(whole)
            for index in 2..<5 {
                guard index < text.count else {
                    thousandths *= 10
                    continue
                }
                guard let digit = text[index].decimalDigit else { return nil }
                thousandths = thousandths * 10 + Int(digit)
            }
            return thousandths <= 1000 ? thousandths : nil
        }

        /// 3 for the type itself, 2 for `type/*`, 1 for `*/*`, 0 for another.
        func specificity(_ member: Span<UInt8>, type: Span<UInt8>, subtype: Span<UInt8>) -> Int {
            let isAnySubtype = OctetText.equals(member.extracting(self.subtype), "*")
            if OctetText.equals(member.extracting(self.type), "*") { return isAnySubtype ? 1 : 0 }
            guard OctetText.equalsIgnoringASCIICase(member.extracting(self.type), type) else {
                return 0
            }
            if isAnySubtype { return 2 }
            let isExact = OctetText.equalsIgnoringASCIICase(
                member.extracting(self.subtype), subtype)
            return isExact ? 3 : 0
        }
    }
}
