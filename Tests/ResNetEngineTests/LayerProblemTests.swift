import Testing

@testable import ResNetEngine

/// Layers written as one word: what is printed reads back, and what is no layer is refused by name.
@Suite struct LayerProblemTests {
    @Test(arguments: [
        "conv:n1c64h28w28,k64r3s3,stride1,pad1", "conv:n32c3h224w100,k64r7s7,stride2,pad3,bias,relu",
        "conv:n1c32h9w8,k48r3s1,stride2x1,pad1x0,dil2x3,groups16,planar,bias,sum",
        "conv:n2c8h9w8,k48r3s3,stride1,pad0,dil2,blocked,relu,sum-apart", "linear:n4c50176,k10",
        "linear:n1c3,k1,relu", "conv:n1c3h224w224,k64r7s7,stride2,pad3,bias,relu,maxpool3/2/1,reuse97M",
        "conv:n1c3h9w9,k8r3s3,stride1,pad1,maxpool3x2/2x1/1x0/ceil",
        "conv:n1c3h9w9,k8r1s1,stride1,pad0,bias,halo1,reuse2M",
        "linear:n4c9,k3,reuse1M", "linear:n4c9,k3,aged350K,reuse1M250us",
        "conv:n1c3h9w9,k8r1s1,stride1,pad0,halo1,aged12K,reuse2M",
        "linear:n4c9,k3,reuse1M250us",
        "linear:n4c9h3w2,k3,relu",
        "maxpool:n2c64h112w110,r3s3,stride2,pad1", "maxpool:n1c5h9w8,r3s2,stride2x1,pad1x0,ceil",
        "conv:n1c64h9w9,k64r3s3,stride1,pad1,bias,relu,sum,bf16,halo1,reuse2M",
        "conv:n1c3h9w9,k64r7s7,stride2,pad3,relu,maxpool3/2/1,to-bf16",
        "conv:n1c64h9w9,k64r1s1,stride1,pad0,from-bf16", "linear:n4c64,k10,relu,bf16",
        "maxpool:n2c64h112w110,r3s3,stride2,pad1,from-bf16", "meanpool:n1c64h7w7,bf16,reuse3M",
        "meanpool:n1c2048h7w7", "meanpool:n1c8h8w8,r2s2,stride2,pad0,reuse3M",
    ])
    func printedLayersReadBack(text: String) throws {
        let problem = try LayerProblem(text, subject: "test")
        #expect(problem.description == text)
        #expect(try LayerProblem(problem.description, subject: "test") == problem)
    }

    @Test func whatIsNotWrittenIsPlain() throws {
        let problem = try LayerProblem("conv:c64h28,k32r1", subject: "test")
        #expect(problem.description == "conv:n1c64h28w28,k32r1s1,stride1,pad0")
    }

    @Test(arguments: [
        "", "conv", "conv:", "conv:c64h28w28", "conv:c64w28,k64r3", "conv:c0h28w28,k64r3",
        "conv:c64h28w28,k64",
        "conv:c64c64h28w28,k64r3", "conv:c64h28w28,k64r3,stride", "conv:c64h28w28,k64r3,stride1x2x3",
        "conv:c64h28w28,k64r3,pad-1", "conv:c64h28w28,k64r3,groups2x3", "conv:c64h28w28,k64r3,rule",
        "conv:c99999999999h28w28,k64r3", "pool:c64h28w28,k64r3", "linear:c5", "linear:c5,k3,bias",
        "linear:c5,k3,to-bf16", "conv:bf16,c64h28w28,k64r3",
        "conv:c٣h28,k64r3", "conv:c64h28w28,k64r3s3,maxpool", "conv:c64h28w28,k64r3s3,maxpool3/2",
        "conv:c64h28w28,k64r3s3,maxpool3/2/1/2", "conv:c64h28w28,k64r3s3,maxpool3/-2/1",
        "conv:c64h28w28,k64r3s3,reuse97", "conv:c64h28w28,k64r3s3,reuseM", "linear:c5,k3,reuse1Mus",
        "linear:c5,k3,reuse1us", "linear:c5,k3,aged1K", "linear:c5,k3,reuse1M,aged1K",
        "conv:c64h28w28,k64r3s3,reuse1M,relu", "conv:c64h28w28,k64r3s3,halo1,relu",
        "conv:c64h28w28,k64r3s3,halo",
        "conv:reuse1M", "linear:c5w2,k3", "linear:c5h0,k3", "maxpool:c3", "maxpool:c3h4w4,k3",
        "maxpool:c3h4w4,s3",
        "maxpool:c3h4w4,r3,bias", "meanpool:c3h4w4,r3,ceilx", "meanpool:c3h4w4,r3,stride",
    ])
    func otherWordsAreRefused(text: String) {
        #expect(throws: EngineError.self) { try LayerProblem(text, subject: "test") }
    }

    /// Geometry that no convolution can have is an error of the measurement, never a trap.
    @Test(arguments: [
        "conv:c64h2w2,k64r7s7", "conv:c64h8w8,k64r3s3,stride0", "conv:c64h8w8,k64r3s3,groups0",
        "conv:c64h8w8,k64r3s3,groups3", "conv:c64h8w8,k64r3s3,dil0", "conv:c64h8w8,k64r3s3,pad999999999",
        "conv:c999999999h999999999w999999999,k1r1", "linear:n999999999c999999999,k999999999",
        "conv:n999999999c64h8w8,k64r3s3", "conv:c64h8w8,k64r3s3,pad1,maxpool3/0/1",
        "conv:c64h8w8,k64r3s3,pad1,maxpool9/2/0", "conv:c64h8w8,k64r3s3,pad1,sum,maxpool3/2/1",
        "conv:c64h8w8,k64r3s3,pad1,maxpool3/2/2", "maxpool:c4h4w4,r9", "maxpool:c4h4w4,r3,stride0",
        "meanpool:c4h4w4,r3,pad2", "maxpool:n999999999c999999999h999w999",
    ])
    func impossibleLayersAreErrors(text: String) throws {
        let problem = try LayerProblem(text, subject: "test")
        let error = #expect(throws: EngineError.self) {
            try LayerMeasurement(problem, isa: .baseline, sets: 1)
        }
        // In words, not as Swift prints a value.
        #expect(error?.description.contains("Geometry(") == false)
    }

    @Test(arguments: [
        "conv:c20h5w7,k40r3s3,pad1,bias,relu,sum", "conv:c3h9w9,k8r3s3,stride2,pad1,sum-apart",
        "linear:n2c40,k3", "conv:n2c3h20w17,k20r7s7,stride2,pad3,bias,relu,maxpool3/2/1", "meanpool:c20h5w4",
        "maxpool:n2c40h9w9,r3s3,stride2,pad1", "linear:n4c40,k3,reuse1M200us",
        "linear:n2c40,k3,aged9999K,reuse1M", "linear:n4c20h3w2,k3",
        "conv:c16h8w8,k16r3s3,pad1,sum,reuse2M", "conv:c16h8w8,k16r1s1,halo2,reuse2M",
    ])
    func layersAreTimed(text: String) throws {
        let measurement = try LayerMeasurement(
            LayerProblem(text, subject: "test"), isa: .baseline, sets: 2, evictedBytes: 1 << 16)
        let sample = measurement.sample(milliseconds: 0.1)
        #expect(sample.gflops > 0 && sample.peakGflops > 0)
        #expect(measurement.coldSample().gflops > 0)
    }
}
