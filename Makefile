# The commands of this project. Each works from a clean clone and installs what it lacks (Debian
# packages, with sudo when not root). CI runs `make test`.

SWIFT_BUILD = swift build -c release --static-swift-stdlib --product gatehouse
GATEHOUSE   = .build/release/gatehouse

.PHONY: build test test-rooms test-behaviour test-peers check format demo bench fuzz fuzz-merge memory soak soak-sanitized documents clean

build: .tools/build-parts
	$(SWIFT_BUILD)

# Everything: the rooms' own tests, the checks, then the built gateway against real parts.
test: test-rooms check test-behaviour test-peers

test-rooms: .tools/build-parts
	swift test

test-behaviour: build .tools/test-parts
	Tests/Support/run Tests/Behaviour

test-peers: build .tools/test-parts
	Tests/Support/run Tests/Peers

check: build .tools/test-parts
	Tools/check-format
	Tools/check-layering
	Tools/check-documents

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzz

demo: build
	$(GATEHOUSE) demo

# Beside nginx and haproxy: time, and memory of idle connections; then how many instructions a request costs, and
# whether that grows with what else there is; what sessions cost by their size, and what redis adds; then what
# floods do to others.
bench: build .tools/bench-parts
	Bench/bench
	Bench/idle
	Bench/instructions --check --scenario S1 --scenario S2 --scenario S9
	Bench/instructions --flat
	Bench/instructions --sessions
	Bench/store
	swift test --filter "hundred thousand"
	Bench/floods

# Every parser of outside octets, or PARSERS alone; FUZZ_SECONDS, FUZZ_RECORD: see Fuzz/fuzz.
fuzz: .tools/build-parts
	Fuzz/fuzz $(PARSERS)

fuzz-merge: .tools/build-parts
	Fuzz/fuzz --merge $(PARSERS)

# What it keeps for idle connections, and while much goes through slowly.
memory: build .tools/test-parts
	Bench/memory

# Mixed load for SOAK_SECONDS (300), every answer checked; then the same with each sanitizer.
soak: build .tools/test-parts
	Bench/soak

soak-sanitized: .tools/build-parts .tools/test-parts
	Bench/soak --sanitize address
	Bench/soak --sanitize thread

# The pages under docs/ that are printed from the code.
documents: build
	$(GATEHOUSE) config reference > docs/configuration.md
	$(GATEHOUSE) config schema > docs/configuration.schema.json

.tools/build-parts: Tools/install-build-parts
	Tools/install-build-parts
	@mkdir -p .tools && touch $@

.tools/test-parts: Tools/install-test-parts
	Tools/install-test-parts
	@mkdir -p .tools && touch $@

.tools/bench-parts: Tools/install-test-parts
	Tools/install-test-parts --bench
	@mkdir -p .tools && touch $@

clean:
	rm -rf .build .build-asan .build-tsan .tools
