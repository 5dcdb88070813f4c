// Addresses and blocks of them: one canonical text each, and a block holds its own first address.
import Values

extension Entry {
    static let addresses = Entry("addresses", octetsMax: 64) { octets in
        let text = String(decoding: octets, as: UTF8.self)
        let address = IPAddress(parsing: octets.span)
        try hold(address == IPAddress(parsing: text), "octets and text differ: \(text)")
        if let address {
            try hold(IPAddress(parsing: address.description) == address, "\(address)")
            var written = OctetWriter()
            written.append(address)
            let text = written.text
            try hold(text == address.description, "two texts of \(address)")
            try hold(AddressBlock(parsing: text)?.contains(address) == true, "alone: \(text)")
        }
        if let block = AddressBlock(parsing: text) {
            try hold(AddressBlock(parsing: block.description) == block, "\(block)")
            let first = IPAddress(parsing: text.prefix { $0 != "/" })
            try hold(first.map(block.contains) == true, "\(block) without its first")
        }
    }
}
