import CommandSupport

CommandLineProgram.main(BenchCommand.self)
