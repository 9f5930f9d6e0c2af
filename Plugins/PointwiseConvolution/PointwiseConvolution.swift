import CEnginePlugin

// 1×1 convolution at stride 1, loaded at run time: a kernel in Swift behind the C interface, so that it may be built by
// another compiler than the engine.
//
//     y[k, h, w] = act(bias[k] + residual[k, h, w] + Σ_c x[c, h, w] · weight[k, c])
//
// Packed: the biases, then the weights as `[k/16] c 16`, all padded with zeros to whole blocks of 16 channels. An output
// sums its channels in order, after its bias.

@c(resnet_engine_plugin_interface)
public func interface() -> UInt32 { 1 }

@c(resnet_engine_plugin)
public func describe(
    _ host: UnsafePointer<re_host>?, _ plugin: UnsafeMutablePointer<re_plugin>?,
    _ messages: UnsafePointer<re_messages>?
) -> Int32 {
    plugin?.pointee.interface = interface()
    plugin?.pointee.name = description.name
    plugin?.pointee.version = description.version
    plugin?.pointee.convolutions = description.kernels
    plugin?.pointee.convolution_count = 1
    return 0
}

/// What the engine keeps pointers to: never freed.
private struct Description: @unchecked Sendable {
    let name = Self.text("PointwiseConvolution")
    let version = Self.text("1.0")
    let kernels: UnsafePointer<UnsafePointer<re_convolution>?>

    init() {
        let kernel = UnsafeMutablePointer<re_convolution>.allocate(capacity: 1)
        kernel.initialize(
            to: re_convolution(
                size: MemoryLayout<re_convolution>.size, name: Self.text("conv1x1plugin.f32.4x16.swift"),
                numeric_class: Self.text("direct-multiply-then-add"), keeps_definition: 1,
                flags: UInt32(RE_CUTS_ROWS), user: nil,
                supports: { _, problem, messages in supports(problem, messages) },
                shape: { _, problem, output, _ in shape(problem, output) },
                cost: { _, problem, cost, _ in estimate(problem, cost) },
                pack: { _, problem, weight, bias, packed, _ in pack(problem, weight, bias, packed) },
                run: { _, problem, call, _ in run(problem, call) }))
        let list = UnsafeMutablePointer<UnsafePointer<re_convolution>?>.allocate(capacity: 1)
        list.initialize(to: UnsafePointer(kernel))
        kernels = UnsafePointer(list)
    }

    private static func text(_ string: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(string.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

private let description = Description()

private let lanes = 16

/// Channel blocks that hold so many channels.
private func blocks(_ channels: Int64) -> Int { (Int(channels) + lanes - 1) / lanes }

private func supports(
    _ problem: UnsafePointer<re_convolution_problem>?, _ messages: UnsafePointer<re_messages>?
) -> Int32 {
    func refuse(_ reason: StaticString) -> Int32 {
        let text = UnsafeRawPointer(reason.utf8Start).assumingMemoryBound(to: CChar.self)
        messages?.pointee.write?(messages?.pointee.context, text)
        return 1
    }
    guard let p = problem?.pointee else { return refuse("no problem") }
    guard p.kernel_height == 1, p.kernel_width == 1 else { return refuse("the kernel is not 1x1") }
    guard p.stride_height == 1, p.stride_width == 1 else { return refuse("the stride is not 1") }
    guard p.padding_height == 0, p.padding_width == 0 else { return refuse("the map is padded") }
    guard p.groups == 1 else { return refuse("there are several groups") }
    guard p.input_layout == UInt32(RE_LAYOUT_BLOCKED) else { return refuse("the input is not blocked") }
    return 0
}

private func shape(
    _ problem: UnsafePointer<re_convolution_problem>?, _ output: UnsafeMutablePointer<re_shape>?
) -> Int32 {
    guard let p = problem?.pointee else { return 1 }
    output?.pointee = re_shape(channels: p.output_channels, height: p.input.height, width: p.input.width)
    return 0
}

/// Four products a cycle.
private func estimate(
    _ problem: UnsafePointer<re_convolution_problem>?, _ cost: UnsafeMutablePointer<re_convolution_cost>?
) -> Int32 {
    guard let p = problem?.pointee else { return 1 }
    let pixels = Double(p.input.height * p.input.width)
    let outputs = lanes * blocks(p.output_channels)
    cost?.pointee.cycles = pixels * Double(p.input.channels) * Double(outputs) / 4
    cost?.pointee.packed_bytes = Int64(4 * outputs) * (p.input.channels + 1)
    cost?.pointee.scratch_floats = 0
    return 0
}

private func pack(
    _ problem: UnsafePointer<re_convolution_problem>?, _ weight: UnsafePointer<Float>?,
    _ bias: UnsafePointer<Float>?, _ packed: UnsafeMutableRawPointer?
) -> Int32 {
    guard let p = problem?.pointee, let weight, let bias,
        let packed = packed?.assumingMemoryBound(to: Float.self)
    else { return 1 }
    let (inputs, outputs) = (Int(p.input.channels), Int(p.output_channels))
    let padded = lanes * blocks(p.output_channels)
    for k in 0..<padded {
        packed[k] = k < outputs ? bias[k] : 0
        for c in 0..<inputs {
            packed[padded + (k / lanes * inputs + c) * lanes + k % lanes] =
                k < outputs ? weight[k * inputs + c] : 0
        }
    }
    return 0
}

private func run(
    _ problem: UnsafePointer<re_convolution_problem>?, _ call: UnsafePointer<re_convolution_call>?
) -> Int32 {
    guard let p = problem?.pointee, let call = call?.pointee, let input = call.input?.pointee,
        let output = call.output?.pointee, let packed = call.packed
    else { return 1 }
    let (inputs, width) = (Int(p.input.channels), Int(p.input.width))
    let padded = lanes * blocks(p.output_channels)
    for block in 0..<blocks(p.output_channels) {
        let bias = packed + 4 * lanes * block
        let weights = packed + 4 * (padded + block * inputs * lanes)
        for row in Int(call.first_row)..<Int(call.end_row) {
            let x = input.origin + row * Int(input.row_stride)
            let y = output.origin + block * Int(output.plane_stride) + row * Int(output.row_stride)
            let added = call.residual.map {
                $0.pointee.origin + block * Int($0.pointee.plane_stride) + row * Int($0.pointee.row_stride)
            }
            var w = 0
            while w < width {
                // Four pixels share the loads of the weights; what is left of a row goes one by one.
                let count = width - w >= 4 ? 4 : 1
                var sums = (
                    bias.load(as: SIMD16<Float>.self), bias.load(as: SIMD16<Float>.self),
                    bias.load(as: SIMD16<Float>.self), bias.load(as: SIMD16<Float>.self)
                )
                for c in 0..<inputs {
                    let weight = weights.load(fromByteOffset: 4 * lanes * c, as: SIMD16<Float>.self)
                    let pixel = x + c / lanes * Int(input.plane_stride) + w * lanes + c % lanes
                    sums.0 += weight * pixel[0]
                    guard count == 4 else { continue }
                    sums.1 += weight * pixel[lanes]
                    sums.2 += weight * pixel[2 * lanes]
                    sums.3 += weight * pixel[3 * lanes]
                }
                finish(sums.0, y, added, w, p)
                if count == 4 {
                    finish(sums.1, y, added, w + 1, p)
                    finish(sums.2, y, added, w + 2, p)
                    finish(sums.3, y, added, w + 3, p)
                }
                w += count
            }
        }
    }
    return 0
}

/// Residual, ReLU and the store of one pixel.
@inline(__always)
private func finish(
    _ sum: SIMD16<Float>, _ y: UnsafeMutablePointer<Float>, _ added: UnsafeMutablePointer<Float>?,
    _ pixel: Int,
    _ p: re_convolution_problem
) {
    var value = sum
    if let added { value += UnsafeRawPointer(added + pixel * lanes).loadUnaligned(as: SIMD16<Float>.self) }
    // NaN stays NaN.
    if p.rectifies != 0 { value.replace(with: 0, where: value .< 0) }
    UnsafeMutableRawPointer(y + pixel * lanes).storeBytes(of: value, as: SIMD16<Float>.self)
}
