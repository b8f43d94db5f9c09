// Command spool records live video into MP4 files.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	_ "time/tzdata" // the binary is static and may run where no time zones are installed

	"github.com/alecthomas/kong"

	"github.com/gospool/spool/bench/play"
	"github.com/gospool/spool/cmd/spool/benchplay"
	"github.com/gospool/spool/cmd/spool/export"
	"github.com/gospool/spool/cmd/spool/logging"
	"github.com/gospool/spool/cmd/spool/probe"
	"github.com/gospool/spool/cmd/spool/record"
	"github.com/gospool/spool/cmd/spool/remux"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command has failed
	exitUsage  = 2 // the command line or the configuration is wrong; nothing was started
)

// commands defines the command line, for package kong: the commands, and the flags that all of them
// have.
type commands struct {
	Serve     ServeCmd             `cmd:"" default:"withargs" help:"Record streams and serve the API. This is what spool does without a command."`
	Check     CheckCmd             `cmd:"" help:"Check the configuration and build its pipelines, without starting anything."`
	Config    ConfigCmd            `cmd:"" help:"Print the resolved configuration as YAML, and the source of each value."`
	Stages    StagesCmd            `cmd:"" help:"Print every stage that a pipeline can be made of, with its settings and defaults."`
	Bench     BenchCmd             `cmd:"" help:"Measure what recording costs on this machine, and say which settings suit it."`
	Reindex   ReindexCmd           `cmd:"" help:"Make the catalogue say what is on the disk: add files without a row, mark rows without a file."`
	Retention RetentionCmd         `cmd:"" help:"Say what would be deleted next and why, how far back each stream reaches, and when the disk will be full."`
	Passwd    PasswdCmd            `cmd:"" help:"Print the hash of a password from standard input, for password_hash in the configuration, or for digest."`
	Token     TokenCmd             `cmd:"" help:"Make a token for a program, and print what http.auth.tokens of the configuration takes of it."`
	Repair    RepairCmd            `cmd:"" help:"Finish files that a crash left behind, and make repaired copies of damaged files of other programs."`
	Record    record.Command       `cmd:"" help:"Record a camera or another source into files, without a server, until Ctrl-C."`
	Remux     remux.Command        `cmd:"" help:"Copy an MP4 or MPEG-TS file into another: ordinary or fragmented MP4, or MPEG-TS."`
	Export    export.Command       `cmd:"" help:"Export the footage of a span of time: of one stream as a file, of several as a zip archive with a player."`
	Verify    export.VerifyCommand `cmd:"" help:"Check that an export is unchanged, and by whom it is signed."`
	Probe     probe.Command        `cmd:"" help:"Print the tracks, the GOP structure and the faults of the times of an MP4 file or a live stream."`
	Schema    SchemaCmd            `cmd:"" help:"Print the JSON Schema of a configuration, for editors."`
	Version   VersionCmd           `cmd:"" help:"Print the version."`
	Help      HelpCmd              `cmd:"" help:"Print this help, or that of a command."`

	ShowVersion bool `name:"version" short:"v" group:"Settings, for every command:" help:"Print the version."`
	settings
}

// Program holds the inputs of a command: the flags that all commands have, the environment and the
// standard streams.
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

// run executes one command line, without the name of the program, and returns the exit code.
func run(args []string, p *Program) int {
	var cli commands
	exited := -1
	parser := kong.Must(&cli,
		kong.Name("spool"), kong.Description(description),
		kong.Writers(p.Stdout, p.Stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Exit(func(code int) { exited = code }), // kong calls it after --help has printed, and then goes on
	)
	for _, f := range parser.Model.Flags { // the help lists --help in the group of the flags that all commands have
		if f.Group != nil {
			parser.Model.HelpFlag.Group = f.Group
		}
	}
	args, err := asFlags(parser.Model.Node, args)
	if err != nil {
		return exitCode(p.Stderr, err)
	}
	ctx, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(p.Stderr, "spool: %v%s\nTry spool --help.\n", err, suggest(strings.Join(args[:min(len(args), 1)], "")))
		return exitUsage
	}
	if cli.ShowVersion {
		return exitCode(p.Stderr, cli.Version.Run(p))
	}
	p.Settings = cli.settings
	log := logging.New(configs.Log{Level: "warn", Format: "human"}, p.Stderr, p.Environ)
	return exitCode(p.Stderr, ctx.Run(p, benchplay.Env{Stdout: p.Stdout, Stderr: p.Stderr}, probe.Streams{Stdout: p.Stdout, Stderr: p.Stderr}, record.Env{Stdout: p.Stdout, Stderr: p.Stderr, Log: log}, remux.Env{Stdout: p.Stdout, Stderr: p.Stderr, Log: log}, export.Env{Load: p.load, Version: readBuild().version, Stdout: p.Stdout, Stderr: p.Stderr}))
}

// asFlags rewrites the arguments help COMMAND to COMMAND --help, so that kong prints both. A command may
// have commands of its own: help bench mux. It returns other arguments as they are, and a usageError for
// an unknown command.
func asFlags(root *kong.Node, args []string) ([]string, error) {
	if len(args) == 0 || args[0] != "help" {
		return args, nil
	}
	words := args[1:]
	for i, node := 0, root; i < len(words); i++ {
		if strings.HasPrefix(words[i], "-") {
			return args, nil
		}
		known := node.Children
		at := slices.IndexFunc(known, func(n *kong.Node) bool { return n.Name == words[i] })
		if at < 0 {
			return nil, unknownCommand(known, words[:i], words[i])
		}
		node = known[at]
	}
	return append(slices.Clone(words), "--help"), nil
}

// unknownCommand returns the error for word, which names no command in its place. before holds the words of the
// command line in front of it, and known the commands that are possible after these.
func unknownCommand(known []*kong.Node, before []string, word string) error {
	parent := strings.Join(before, " ")
	full := strings.TrimSpace(parent + " " + word)
	if len(known) == 0 {
		return usageError{fmt.Errorf("unknown command %s: spool help %s has the help of %s", full, parent, parent)}
	}
	var names []string
	for _, n := range known {
		names = append(names, n.Name)
	}
	meant := ""
	if near := config.Nearest(word, names); near != "" {
		meant = ": " + config.DidYouMean(strings.TrimSpace(parent+" "+near))
	}
	return usageError{fmt.Errorf("unknown command %s%s: %s lists the commands", full, meant, strings.TrimSpace("spool help "+parent))}
}

// verbs returns the names of the commands, without the commands that a command has of its own.
func verbs() (names []string) {
	all := reflect.TypeFor[commands]()
	for i := range all.NumField() {
		if f := all.Field(i); strings.Contains(string(f.Tag), `cmd:""`) {
			names = append(names, strings.ToLower(f.Name))
		}
	}
	return names
}

// HelpCmd implements spool help.
type HelpCmd struct {
	Verb []string `arg:"" optional:"" name:"command" help:"The command, such as check or bench mux."`
}

// Run returns a usageError: kong calls it only if help comes after flags, because asFlags handles help
// as the first word.
func (c *HelpCmd) Run(*Program) error {
	return usageError{fmt.Errorf("help must be the first word: spool help %s", strings.Join(c.Verb, " "))}
}

// suggest returns the end of an error text that suggests a command of a name similar to verb, or "".
func suggest(verb string) string {
	if near := config.Nearest(verb, verbs()); near != "" && near != verb {
		return ": " + config.DidYouMean(near)
	}
	return ""
}

// exitCode prints the error of a command, if any, and returns the exit code for it.
func exitCode(stderr io.Writer, err error) int {
	var problems config.Problems
	var usage usageError
	var recordUsage record.ErrUsage
	var remuxUsage remux.ErrUsage
	var own interface{ ExitCode() int } // an error with an exit code of its own, whose reason is printed already
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &own):
		return own.ExitCode()
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems)
		fmt.Fprintf(stderr, "spool: the configuration is refused: %s\n", count(len(problems), "problem"))
		return exitUsage
	case errors.As(err, &usage), errors.As(err, &recordUsage), errors.As(err, &remuxUsage), errors.Is(err, probe.ErrDuration), errors.Is(err, play.ErrOptions):
		fmt.Fprintf(stderr, "spool: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "spool: %s\n", config.Redact(err.Error()))
	return exitFailed
}

// usageError is an error of the command line: the exit code is exitUsage.
type usageError struct{ error }

// count returns a number with its noun, in the plural unless n is 1.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
