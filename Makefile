# Two commands do everything on Debian with Swift 6.3, as root or with sudo: `make bench` and `make test`.

PACKAGES := libhwloc-dev libomp-dev
THREADS ?= $(shell nproc)
SOURCES := Package.swift Sources Tests Plugins

.PHONY: bench test setup lint docs audit clean

## Builds in release and reports how the notebook network scales on this machine.
bench: setup
	swift build -c release
	.build/release/resnet-bench --threads $(THREADS)

## Runs all tests in release, in a build folder of their own.
test: setup
	swift test -c release --scratch-path .build-tests

## Installs the Debian packages that are missing.
setup:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		as_root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$as_root apt-get update -q && $$as_root apt-get install -y -q --no-install-recommends $$missing; \
	fi

## Checks the format of all Swift sources.
lint:
	swift format lint --strict --parallel --recursive $(wildcard $(SOURCES))

## Builds the documentation; any warning fails.
docs: setup
	swift build -c release --target ModelFiles
	rm -rf .build/docs && mkdir -p .build/docs/symbols
	for module in ResNetEngine ModelFiles Tensors Topology Diagnostics; do \
		swift symbolgraph-extract -module-name $$module -minimum-access-level public \
			-target $$(swiftc -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)",/\1/p' | head -n 1) \
			-I .build/release/Modules $$(ls .build/release/C*.build/module.modulemap .build/checkouts/*/Sources/C*/include/module.modulemap | sed "s/^/-Xcc -fmodule-map-file=/") \
			-skip-inherited-docs -output-dir .build/docs/symbols || exit 1; \
	done
	docc convert Sources/ResNetEngine/ResNetEngine.docc --additional-symbol-graph-dir .build/docs/symbols \
		--fallback-display-name ResNetEngine --fallback-bundle-identifier resnet-engine \
		--warnings-as-errors --output-path .build/docs/ResNetEngine.doccarchive

## Fails on weak code in a kernel module's objects that does not carry the module's own tag: the linker may give it to
## the whole program, on machines that cannot run it.
audit: setup
	swift build -c release --target ModelFiles
	@for tag in Baseline AVX2 AVX512; do \
		nm .build/release/Kernels$$tag.build/*.o | awk '$$2 == "W" { print $$3 }' | swift demangle \
			| grep -v "Kernels$$tag\.$$tag" \
			&& { echo "audit: weak code of Kernels$$tag without its tag" >&2; exit 1; }; \
		echo "audit: Kernels$$tag ok"; \
	done

clean:
	rm -rf .build .build-tests
