// Command spool records live video.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	_ "time/tzdata" // the binary is static and may run where no time zones are installed

	"github.com/alecthomas/kong"

	"github.com/gospool/spool/pipeline/config"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // while running
	exitUsage  = 2 // the command line or the configuration is wrong; nothing was started
)

// commands is the command line.
type commands struct {
	Serve     ServeCmd     `cmd:"" default:"withargs" help:"Record streams and serve the API. This is what spool does without a command."`
	Check     CheckCmd     `cmd:"" help:"Check the configuration and build its pipelines, without starting anything."`
	Config    ConfigCmd    `cmd:"" help:"Print the resolved configuration as YAML, each value with where it came from."`
	Stages    StagesCmd    `cmd:"" help:"Print every stage that a pipeline can be made of, with its settings and defaults."`
	Bench     BenchCmd     `cmd:"" help:"Measure what recording costs on this machine, and say which settings suit it."`
	Reindex   ReindexCmd   `cmd:"" help:"Make the catalogue say what is on the disk: add files without a row, mark rows without a file."`
	Retention RetentionCmd `cmd:"" help:"Say what would be deleted next and why, how far back each stream reaches, and when the disk will be full."`
	Passwd    PasswdCmd    `cmd:"" help:"Print the hash of a password from standard input, for password_hash in the configuration, or for digest."`
	Repair    RepairCmd    `cmd:"" help:"Finish files that a crash left behind, and make repaired copies of damaged files of other programs."`
	Remux     RemuxCmd     `cmd:"" help:"Copy an MP4 file into another, ordinary or fragmented, as recordings are written."`
	Schema    SchemaCmd    `cmd:"" help:"Print the JSON Schema of a configuration, for editors."`
	Version   VersionCmd   `cmd:"" help:"Print the version."`

	settings
}

// Program is what a command is given beside its own flags.
type Program struct {
	Settings settings
	Environ  []string
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
}

const description = `Records live video into MP4 files that survive a crash.

Without a configuration it records the built-in stream live/demo. Settings come from config.yaml in the working
directory or the file of -c, then from the environment (SPOOL_MP4__RECORD_PATH=/data), then from flags.`

func main() {
	os.Exit(run(os.Args[1:], &Program{Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}

// run executes one command line and gives the exit code.
func run(args []string, p *Program) int {
	var cli commands
	exited := -1
	parser := kong.Must(&cli,
		kong.Name("spool"), kong.Description(description),
		kong.Writers(p.Stdout, p.Stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Exit(func(code int) { exited = code }), // --help asks for it and goes on parsing
	)
	ctx, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(p.Stderr, "spool: %v%s\nTry spool --help.\n", err, meant(parser, args))
		return exitUsage
	}
	p.Settings = cli.settings
	return exitCode(p.Stderr, ctx.Run(p))
}

// meant is the verb that a mistyped one was likely meant to be.
func meant(parser *kong.Kong, args []string) string {
	if len(args) == 0 {
		return ""
	}
	var verbs []string
	for _, verb := range parser.Model.Children {
		verbs = append(verbs, verb.Name)
	}
	if near := config.Nearest(args[0], verbs); near != "" && near != args[0] {
		return fmt.Sprintf(": did you mean %s?", near)
	}
	return ""
}

// exitCode reports how a command ended, and why it failed.
func exitCode(stderr io.Writer, err error) int {
	var problems config.Problems
	var usage usageError
	var child childStatus
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &child):
		return int(child)
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems)
		fmt.Fprintf(stderr, "spool: the configuration is refused: %s\n", count(len(problems), "problem"))
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "spool: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "spool: %s\n", config.Redact(err.Error()))
	return exitFailed
}

// usageError is a mistake of the command line.
type usageError struct{ error }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
