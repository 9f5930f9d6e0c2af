import CommandSupport

CommandLineProgram.main(ScoreCommand.self)
