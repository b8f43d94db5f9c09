package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/gospool/spool/cmd/spool/server"
	"github.com/gospool/spool/cmd/spool/server/outside"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// CheckCmd implements spool check, which checks a configuration and starts nothing.
type CheckCmd struct {
	Path string `arg:"" optional:"" name:"file" help:"Configuration file, as with -c."`
}

// Run checks the configuration and the objects of the machine that it names, builds the pipelines and
// prints them. It also prints whether the record directories can be written, and which features their
// file systems lack. It returns an error for a configuration that spool serve would refuse, and for a
// part that could not work on this machine.
func (c *CheckCmd) Run(p *Program) error {
	if c.Path != "" {
		p.Settings.File = c.Path
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	declared, err := server.Compile(cfg)
	if err != nil {
		return err
	}
	wrong, warnings := outside.Check(cfg, time.Now())
	directory, database := server.CheckDirectories(cfg)
	wrong, warnings = append(wrong, directory...), append(warnings, database...)
	showWarnings(p.Stderr, append(cfg.Warnings, warnings...).Sorted())
	if len(wrong) > 0 {
		return wrong.Sorted()
	}
	from := cfg.File
	if from == "" {
		from = "no configuration file"
	}
	fmt.Fprintf(p.Stdout, "%s: configuration OK: %s, %s\n", from, count(len(cfg.Streams), "stream"), count(len(declared), "pipeline"))
	for _, d := range declared {
		fmt.Fprintf(p.Stdout, "%s, for %s, %s: %s\n", d.Plan.Name, d.Streams, d.Mode, d.Plan)
	}
	for _, dir := range server.RecordDirectories(cfg) {
		checkWritable(p, dir)
	}
	if what := server.DirectoryWarning(cfg); what != "" {
		fmt.Fprintf(p.Stderr, "warning: if spool runs as this user, %s\n", what)
	}
	return showFilesystems(p.Stdout, cfg)
}

// checkWritable prints whether recordings could be written to a directory now. If not, it prints a
// warning and no error: a full disk, for example, does not prevent a start. It prints nothing for a
// directory that does not exist, because the first recording makes it.
func checkWritable(p *Program, dir string) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return // the first recording makes the directory
	}
	w := disk.NewWritable(dir)
	defer w.Close()
	has, err := w.Try()
	if err != nil {
		fmt.Fprintf(p.Stderr, "warning: nothing could be recorded to %s now: %s: %v\n", dir, disk.ProblemOf(err, time.Time{}).Problem, err)
		return
	}
	fmt.Fprintf(p.Stdout, "%s can be recorded to: %d MiB are free", dir, has.FreeBytes>>20)
	if has.Inodes > 0 {
		fmt.Fprintf(p.Stdout, ", for %d more files at most", has.FreeInodes)
	}
	fmt.Fprintln(p.Stdout)
}

var errRefusedNames = errors.New("a file system does not accept all file names of recordings: change filename_pattern or the stream's path")

// showFilesystems prints a report of the file system of each record directory. It returns
// errRefusedNames if one of them does not accept the names of recordings.
func showFilesystems(w io.Writer, cfg *configs.Config) (err error) {
	for _, f := range server.FileSystems(cfg, time.Now()) {
		if errors.Is(f.Err, fs.ErrNotExist) {
			fmt.Fprintf(w, "%s does not exist yet: its file system is checked once it exists\n", f.Dir)
			continue
		}
		fmt.Fprintf(w, "%s: %s\n", f.Dir, f.Report)
		if len(f.Report.Refused) > 0 {
			err = errRefusedNames
		}
	}
	return err
}

func showWarnings(w io.Writer, warnings config.Problems) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
}
