package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gospool/spool/cmd/spool/logging"
	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/cmd/spool/server"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/metadata/database"
)

// ReindexCmd implements spool reindex, which updates the catalogue to the files on the disk.
type ReindexCmd struct {
	JSON            bool          `help:"Print what was done as JSON."`
	AcceptDirectory bool          `help:"Take the record directory over although the catalogue knows another one: recordings that are not in it are marked lost."`
	TakeOver        []string      `placeholder:"NODE" help:"Make the recordings of a recorder that is no more this one's: what is not in the record directory is marked lost. With this recorder's own name: take the name from a recorder elsewhere that has it."`
	Wait            time.Duration `default:"30s" placeholder:"DURATION" help:"How long the database may take to answer."`
}

// reindexJournalDir is the directory below the record directory with the journal of reindex. reindex
// uses it only while a running recorder uses the main journal.
const reindexJournalDir = ".spool-journal-reindex"

// Run compares the catalogue with the disk, changes the catalogue, and prints the changes. It first
// saves the rows of a damaged SQLite database to a new one. A recorder may be running: Run leaves the
// files that it writes alone.
func (c *ReindexCmd) Run(p *Program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	dir := cfg.MP4.RecordPath
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("mp4.record_path: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cfg.Log.Level = "error"
	log := logging.New(cfg.Log, p.Stderr, p.Environ)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	options, err := server.CatalogueOptions(cfg, dir, pipeline.SystemClock)
	if err != nil {
		return err
	}
	options.Log, options.Tasks, options.TakeOver = log, tasks, c.TakeOver
	rescued, err := metadata.Rescue(ctx, options, dir)
	if err != nil {
		return err
	}
	c.printRescued(p, rescued)
	catalogue, err := openEither(ctx, options, dir)
	if err != nil {
		return err
	}
	report, err := c.reindex(ctx, p, catalogue, dir)
	closing, cancel := context.WithTimeout(context.Background(), time.Duration(cfg.ShutdownTimeout))
	defer cancel()
	err = errors.Join(err, catalogue.Close(closing), tasks.Stop(closing))
	if err != nil {
		return err
	}
	return c.print(p, report)
}

// openEither opens the catalogue with the recorder's journal, so that reindex also sees the changes in the
// journal that the database does not have yet. If a running recorder uses this journal, openEither opens the
// catalogue with the journal in reindexJournalDir instead.
func openEither(ctx context.Context, o metadata.OpenOptions, dir string) (c *metadata.Catalogue, err error) {
	c, err = metadata.Open(ctx, o)
	if errors.Is(err, metadata.ErrJournalTaken) {
		o.JournalDir, o.Guest = filepath.Join(dir, reindexJournalDir), true
		c, err = metadata.Open(ctx, o)
	}
	return c, err
}

// reindex waits for the database, compares the catalogue with the record directory dir, and returns the result.
// It prints the faults of facts (see package facts) to standard error.
func (c *ReindexCmd) reindex(ctx context.Context, p *Program, catalogue *metadata.Catalogue, dir string) (metadata.Report, error) {
	waiting, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	if err := catalogue.Ready(waiting); err != nil {
		return metadata.Report{}, err
	}
	if err := server.ClaimDirectory(ctx, catalogue, dir, c.AcceptDirectory); err != nil {
		return metadata.Report{}, err
	}
	bar := progress.New(p.Stderr, "comparing files")
	defer bar.End()
	found, err := server.Compare(ctx, catalogue, dir, server.Turns{}, bar.At)
	if found.Unsure != nil {
		fmt.Fprintf(p.Stderr, "what is known of deleted recordings stays for now: %v\n", found.Unsure)
	}
	for _, id := range found.Damaged {
		fmt.Fprintf(p.Stderr, "what was known of recording %s beside its file is damaged: it counts as protected; PATCH its record with protected true or false\n", id)
	}
	if found.Unread != nil {
		fmt.Fprintf(p.Stderr, "what is known beside files could not all be read: %v\n", found.Unread)
	}
	return found.Report, err
}

// printRescued prints the damage of a database and the rows that were lost with it, if any. It prints to
// standard error, because a program may read standard output.
func (c *ReindexCmd) printRescued(p *Program, r database.Rescued) {
	if r.Damage == "" {
		return
	}
	fmt.Fprintf(p.Stderr, "%s was malformed (%s): it is kept as %s, and a new one is made\n", r.File, r.Damage, r.Kept)
	for _, t := range r.Tables {
		fmt.Fprintf(p.Stderr, "%s: %s taken over", t.Name, count(t.Rows, "row"))
		if t.Invalid > 0 {
			fmt.Fprintf(p.Stderr, ", %d that make no sense left out", t.Invalid)
		}
		if t.Error != "" {
			fmt.Fprintf(p.Stderr, "; what else there was cannot be read: %s", t.Error)
		}
		fmt.Fprintln(p.Stderr)
	}
}

// print prints the result of the comparison, as text or JSON.
func (c *ReindexCmd) print(p *Program, r metadata.Report) error {
	if c.JSON {
		return json.NewEncoder(p.Stdout).Encode(map[string]int{
			"files": r.Files, "added": r.Added, "updated": r.Updated, "lost": r.Lost,
			"live": r.Live, "unfinished": r.Unfinished, "foreign": r.Foreign, "copies": r.Copies,
			"others": r.Others, "adopted": r.Adopted, "not_adopted": r.NotAdopted, "aside": r.Aside,
		})
	}
	fmt.Fprintf(p.Stdout, "%s: %d added, %d updated, %d lost\n", count(r.Files, "finished file"), r.Added, r.Updated, r.Lost)
	for _, line := range []struct {
		n    int
		what string
	}{
		{r.Live + r.Unfinished, "not finished yet, left alone: the recorder that writes them, or the next start of one, finishes them"},
		{r.Foreign, "without an entry of this recorder, left alone"},
		{r.Copies, "copies of a file that is there too, left alone"},
		{r.Others, "of another recorder by their rows, left alone: the files are copies; or, if that recorder is no more, --take-over NODE"},
		{r.Adopted, "made under another name of this recorder, taken over"},
		{r.NotAdopted, "made under a name that this recorder may have had, left alone: their files are not here"},
		{r.Aside, "refused by the database and set aside, each a file with the reason in the directory aside of the journal"},
	} {
		if line.n > 0 {
			fmt.Fprintf(p.Stdout, "%d %s\n", line.n, line.what)
		}
	}
	return nil
}
