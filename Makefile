# Two commands do everything on Debian with Swift 6.3, as root or with sudo: `make bench` and `make test`.

PACKAGES := libhwloc-dev libomp-dev
ifeq ($(shell uname -m),x86_64)
# For audits and emulated processors.
PACKAGES += binutils python3 qemu-user
endif
THREADS ?= $(shell nproc)
SOURCES := Package.swift Sources Tests Plugins Benchmarks
# Options of `make peers`, such as PEERS="--rounds 3 --rows notebook-1t".
PEERS ?=
# The pages that pictures are made of, each with its height in pixels.
PICTURES := notebook:3200 resnet50:5600
# Options of `make kernels`, such as KERNELS="--threads 1 --threads 2 --cold".
KERNELS ?=
# Whether the plugin that calls the system's oneDNN is built. SwiftPM reads a manifest anew where the environment differs.
export RESNET_ENGINE_ONEDNN ?= $(if $(wildcard /usr/include/oneapi/dnnl/dnnl_version.h),yes,no)
# Emulated processors, each with the instruction set that must be detected on it. The features taken away are some that
# the emulator lacks and warns about at every thread.
EMULATED := Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm:avx2 Nehalem:baseline

.PHONY: bench peers growth pictures kernels onednn test test-emulated setup lint docs audit clean

## Builds in release and reports how the notebook network scales on this machine.
bench: setup
	swift build -c release
	.build/release/resnet-bench --threads $(THREADS)

## Times single layers as a share of the FMA peak: see Benchmarks/README.md.
kernels: setup
	swift build -c release --package-path Benchmarks --scratch-path .build-benchmarks --product kernel-bench
	.build-benchmarks/release/kernel-bench Benchmarks/Shapes/bars.txt --exact $(KERNELS)

## Times each convolution of ResNet-50 by Debian's oneDNN and by this engine in turn: see Benchmarks/README.md.
onednn: PACKAGES += libdnnl-dev
onednn: export RESNET_ENGINE_ONEDNN = yes
onednn: setup
	swift build -c release --package-path Benchmarks --scratch-path .build-benchmarks --product kernel-bench
	.build-benchmarks/release/kernel-bench Benchmarks/Shapes/resnet50.txt --onednn $(KERNELS)

## Checks networks of full size against PyTorch in float64, then times other engines and this one in turn and prints how
## they compare: see Benchmarks/README.md.
peers: PACKAGES += python3-venv
peers: setup
	swift build -c release --package-path Benchmarks --scratch-path .build-benchmarks --product engine-worker
	swift build -c release --product resnet-score
	python3 Benchmarks/Peers/install.py .build-peers
	.build-peers/venv/bin/python Benchmarks/Peers/full_size.py .build/release/resnet-score
	.build-peers/venv/bin/python Benchmarks/Peers/peers.py $(or $(PEERS),--results Benchmarks/Results.md)

## Tables of speed over batches, image sizes and channels: Benchmarks/Growth.md.
growth: setup
	swift build -c release
	python3 Benchmarks/growth.py .build/release/resnet-bench Benchmarks/Growth.md

## Pictures of the pages that resnet-bench makes: Benchmarks/Pictures.
pictures: PACKAGES += chromium
pictures: setup
	swift build -c release
	.build/release/resnet-bench --threads $(THREADS) --html .build/notebook.html
	.build/release/resnet-bench --model resnet50 --threads $(THREADS) --html .build/resnet50.html
	mkdir -p Benchmarks/Pictures
	for picture in $(PICTURES); do \
		page=$${picture%:*}; \
		chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,$${picture#*:} \
			--screenshot=Benchmarks/Pictures/$$page.png .build/$$page.html || exit 1; \
	done

## Runs all tests in release, in a build folder of their own.
test: setup
	swift test -c release --scratch-path .build-tests
	$(MAKE) test-emulated

## Repeats the tests named emulated… on processors with AVX2 and without it; listing the tests builds them.
test-emulated: setup
ifeq ($(shell uname -m),x86_64)
	swift test list -c release --scratch-path .build-tests > /dev/null
	for processor in $(EMULATED); do \
		EXPECTED_ISA=$${processor#*:} timeout 90 qemu-x86_64 -cpu $${processor%:*} \
			.build-tests/release/resnet-enginePackageTests.xctest \
			--testing-library swift-testing --filter /emulated || exit 1; \
	done
else
	@echo "test-emulated: skipped, the emulated processors are x86-64"
endif

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
	swift build -c release --target LoadablePlugins
	rm -rf .build/docs && mkdir -p .build/docs/symbols
	for module in ResNetEngine ModelFiles LoadablePlugins Tensors Topology Diagnostics; do \
		swift symbolgraph-extract -module-name $$module -minimum-access-level public \
			-target $$(swiftc -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)",/\1/p' | head -n 1) \
			-I .build/release/Modules $$(ls .build/release/C*.build/module.modulemap .build/checkouts/*/Sources/C*/include/module.modulemap | sed "s/^/-Xcc -fmodule-map-file=/") \
			-skip-inherited-docs -output-dir .build/docs/symbols || exit 1; \
	done
	docc convert Sources/ResNetEngine/ResNetEngine.docc --additional-symbol-graph-dir .build/docs/symbols \
		--fallback-display-name ResNetEngine --fallback-bundle-identifier resnet-engine \
		--warnings-as-errors --output-path .build/docs/ResNetEngine.doccarchive

## Fails on weak code that the linker may give to machines that cannot run it, and on hot loops that do not do what
## their tiles say. The audit proves first that it sees planted faults.
audit: setup
	swift build -c release --target ModelFiles
	python3 Tests/Audits/audit.py --self-test
	python3 Tests/Audits/audit.py .build/release

clean:
	rm -rf .build .build-tests .build-benchmarks .build-peers
