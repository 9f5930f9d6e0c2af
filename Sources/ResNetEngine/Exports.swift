// Users import `ResNetEngine` alone: what its API speaks of comes with it.
@_exported import Diagnostics
@_exported import Tensors
@_exported import Topology
