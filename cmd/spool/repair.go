package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/repair"
)

// RepairCmd implements spool repair, which finishes or repairs MP4 files.
type RepairCmd struct {
	Paths  []string `arg:"" name:"path" help:"Files, or directories whose .mp4.part files a crash left behind."`
	DryRun bool     `help:"Print what would be done, and write nothing."`
	JSON   bool     `name:"json" help:"Print one JSON object for each file."`
}

// repairResult is the result for one file, as --json prints it. The fields in ms are milliseconds of
// media.
type repairResult struct {
	File      string       `json:"file"`
	Action    string       `json:"action"` // finished, copied, removed, whole, skipped, refused or failed
	Found     repair.Found `json:"found,omitempty"`
	Result    string       `json:"result,omitempty"` // path of the file that can be played now
	KeptMs    int64        `json:"kept_ms"`
	LostMs    int64        `json:"lost_ms"`
	LostBytes int64        `json:"lost_bytes"`
	Unwritten int64        `json:"lost_in_memory_ms_at_most,omitempty"` // media that was never written to the file
	Reason    string       `json:"reason,omitempty"`
	DryRun    bool         `json:"dry_run,omitempty"`
	Error     string       `json:"error,omitempty"`

	busy bool // a recorder writes the file, and only its directory was named: Run does not fail
}

// Run repairs the files one after another and prints the results. It returns an error if a file could
// not be repaired, or after an interrupt. In a directory it skips the files that a recorder is writing.
func (c *RepairCmd) Run(p *Program) error {
	files, bytes, err := repairFiles(c.Paths)
	if err != nil {
		return usageError{err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	bar, read, size := progress.New(p.Stderr, "repair, KiB"), int64(0), int64(0)
	defer bar.End()
	show := func(n int64) {
		read += n
		bar.At(int(min(read, size)>>10), int(bytes>>10))
	}
	results := make([]repairResult, 0, len(files))
	for _, file := range files {
		if ctx.Err() != nil {
			break
		}
		size += file.size
		r, err := mp4.RepairAny(ctx, file.path, repair.Options{DryRun: c.DryRun, Read: show})
		read = size
		results = append(results, c.result(file, r, err))
	}
	bar.End()
	return c.report(p.Stdout, results, ctx.Err())
}

// repairFile is a file to repair.
type repairFile struct {
	path  string
	size  int64 // in bytes
	below bool  // a path names a directory of the file, and not the file itself
}

// repairFiles lists the files to repair: the files in paths, and below the directories in paths all files
// *.mp4.part whose names do not begin with a dot. It leaves out subdirectories that it may not read.
// bytes is the sum of the sizes of the files.
func repairFiles(paths []string) (files []repairFile, bytes int64, err error) {
	add := func(path string, info fs.FileInfo, below bool) {
		files = append(files, repairFile{path, info.Size(), below})
		bytes += info.Size()
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, 0, err
		}
		if !info.IsDir() {
			add(path, info, false)
			continue
		}
		// A user may name a link to a directory: os.DirFS follows it.
		err = fs.WalkDir(os.DirFS(path), ".", func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrPermission) && name != "." { // a directory such as lost+found
				return fs.SkipDir
			}
			if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(name, ".mp4"+media.PartSuffix) || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			info, err := d.Info()
			if err == nil {
				add(filepath.Join(path, name), info, true)
			}
			return err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return files, bytes, nil
}

// result makes the result for a file from r and err, the results of its repair.
func (c *RepairCmd) result(from repairFile, r mp4.Repaired, err error) repairResult {
	file := from.path
	out := repairResult{
		File: file, Found: r.Found, KeptMs: r.Kept.Milliseconds(), LostMs: r.Lost.Milliseconds(),
		LostBytes: r.LostBytes, Unwritten: r.Unwritten.AtMost.Milliseconds(), Reason: r.Reason, DryRun: c.DryRun,
	}
	dir := filepath.Dir(file)
	switch {
	case errors.Is(err, disk.ErrOwned), from.below && errors.Is(err, fs.ErrNotExist): // a recorder has finished it meanwhile
		out.Action, out.Error, out.busy = "skipped", err.Error(), from.below
	case errors.Is(err, repair.ErrBeyondHelp):
		out.Action, out.Error = "refused", err.Error()
	case err != nil:
		out.Action, out.Error = "failed", err.Error()
	case r.Removed:
		out.Action = "removed"
	case r.Copy != "":
		out.Action, out.Result = "copied", filepath.Join(dir, r.Copy)
	case r.Recording.Path != "" && (!r.Whole || filepath.Base(file) != r.Recording.Path):
		out.Action, out.Result = "finished", filepath.Join(dir, r.Recording.Path)
	default:
		out.Action, out.Result = "whole", file
	}
	return out
}

var errRepair = errors.New("not every file could be repaired")

// report prints the results and returns the error of Run: for a repair that was interrupted if
// interrupted is not nil, else for a file that could not be repaired.
func (c *RepairCmd) report(w io.Writer, results []repairResult, interrupted error) error {
	for _, r := range results {
		if err := c.print(w, r); err != nil {
			return err
		}
	}
	if len(results) == 0 && !c.JSON {
		fmt.Fprintln(w, "Nothing to repair.")
	}
	if interrupted != nil {
		return errors.New("interrupted: the files that follow were not looked at")
	}
	if slices.ContainsFunc(results, func(r repairResult) bool { return r.Error != "" && !r.busy }) {
		return errRepair
	}
	return nil
}

// print prints one result on one line, as text or JSON.
func (c *RepairCmd) print(w io.Writer, r repairResult) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(r)
	}
	if r.Error != "" {
		_, err := fmt.Fprintf(w, "%-8s %s: %s\n", r.Action, r.File, r.Error)
		return err
	}
	line := fmt.Sprintf("%-8s %s", r.Action, r.File)
	if r.Result != "" && r.Result != r.File {
		line += " -> " + r.Result
	}
	line += fmt.Sprintf(": kept %v, lost %v", milliseconds(r.KeptMs), milliseconds(r.LostMs))
	if r.Unwritten > 0 {
		line += fmt.Sprintf(" on the disk and up to %v in memory, which is flush_interval", milliseconds(r.Unwritten))
	}
	if r.Reason != "" {
		line += " (" + r.Reason + ")"
	}
	if c.DryRun {
		line += " [dry run]"
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
