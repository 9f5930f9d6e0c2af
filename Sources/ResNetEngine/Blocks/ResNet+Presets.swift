import Diagnostics

extension ResNet {
    /// A network of the usual frame for 224×224 images of three channels, with torchvision's names: 7×7 stem, four stages
    /// of 64 to 512 channels, and a classifier of means with 1000 classes.
    public struct Preset: Sendable {
        public let name: String
        let block: any BlockVariant
        /// Blocks of each stage.
        let blocks: [Int]
        var groups = 1
        var baseWidth = 64
    }

    /// All presets, as torchvision names them.
    public static let presets = [
        Preset(name: "resnet18", block: BasicBlock(), blocks: [2, 2, 2, 2]),
        Preset(name: "resnet34", block: BasicBlock(), blocks: [3, 4, 6, 3]),
        Preset(name: "resnet50", block: Bottleneck(), blocks: [3, 4, 6, 3]),
        Preset(name: "resnet101", block: Bottleneck(), blocks: [3, 4, 23, 3]),
        Preset(name: "resnet152", block: Bottleneck(), blocks: [3, 8, 36, 3]),
        Preset(name: "resnext50_32x4d", block: Bottleneck(), blocks: [3, 4, 6, 3], groups: 32, baseWidth: 4),
        Preset(
            name: "resnext101_32x8d", block: Bottleneck(), blocks: [3, 4, 23, 3], groups: 32, baseWidth: 8),
        Preset(name: "wide_resnet50_2", block: Bottleneck(), blocks: [3, 4, 6, 3], baseWidth: 128),
    ]

    /// The network of a preset, its block replaced by `block` unless that is nil. `channels` are those of the stem and the
    /// first stage; each stage has twice as many as the one before.
    public init(
        _ preset: Preset, block: (any BlockVariant)? = nil, imageHeight: Int = 224, imageWidth: Int = 224,
        inputChannels: Int = 3, channels: Int = 64, classes: Int = 1000
    ) {
        let stages = preset.blocks.enumerated().map { index, blocks in
            Stage(
                "layer\(index + 1)", blocks: blocks, channels: channels << index, stride: index == 0 ? 1 : 2)
        }
        self.init(
            name: preset.name, block: block ?? preset.block, inputChannels: inputChannels,
            imageHeight: imageHeight, imageWidth: imageWidth, stemChannels: channels, stages: stages,
            head: .means, classes: classes)
        groups = preset.groups
        baseWidth = preset.baseWidth
    }
}
