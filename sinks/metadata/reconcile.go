package metadata

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// AloneWith calls a function while nothing else changes the files and the rows of
// recordings, and returns its error. free are those of ids that nothing else is changing: it
// waits for no other change, and leaves the others out. It does not call it where all are.
type AloneWith = func(ctx context.Context, ids []media.ID, do func(ctx context.Context, free []media.ID) error) error

// unhindered is AloneWith where nothing else changes recordings.
func unhindered(ctx context.Context, ids []media.ID, do func(context.Context, []media.ID) error) error {
	if len(ids) == 0 {
		return nil
	}
	return do(ctx, ids)
}

// eachAlone is AloneWith by an Alone.
func eachAlone(alone func(context.Context, media.ID, func(context.Context) error) error) AloneWith {
	return func(ctx context.Context, ids []media.ID, do func(context.Context, []media.ID) error) error {
		for _, id := range ids {
			err := alone(ctx, id, func(ctx context.Context) error { return do(ctx, []media.ID{id}) })
			if err != nil && !errors.Is(err, ErrBusy) {
				return err
			}
		}
		return nil
	}
}

// Comparison is what Reconcile needs to know of a record directory.
type Comparison struct {
	Dir string
	// ReadEntry returns what the file at a path below Dir, as the system writes it, says
	// of its recording.
	ReadEntry func(path string) (media.Recording, error)
	// IsLive reports whether a file, by its slash path relative to Dir, is being written:
	// neither it nor its row is touched. May be nil: none is.
	IsLive func(path string) bool
	// Alone calls a function while nothing else changes the file or the row of a
	// recording, and returns its error; ErrBusy: it was not called, since another change
	// takes too long. Calls are never nested. May be nil: nothing else changes recordings.
	Alone func(ctx context.Context, id media.ID, do func(context.Context) error) error
	// AloneWith may be nil where Alone is: then nothing else changes recordings. Where Alone
	// is not, one recording at a time is changed then.
	AloneWith AloneWith
	// Progress is told how many of the files are compared. May be nil.
	Progress func(done, total int)
}

func (o *Comparison) defaults() {
	if o.IsLive == nil {
		o.IsLive = func(string) bool { return false }
	}
	switch {
	case o.AloneWith != nil:
	case o.Alone == nil:
		o.AloneWith = unhindered
	default:
		o.AloneWith = eachAlone(o.Alone)
	}
	if o.Alone == nil {
		o.Alone = func(ctx context.Context, _ media.ID, do func(context.Context) error) error { return do(ctx) }
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
}

// Report is what Reconcile found and did.
type Report struct {
	Files      int // finished files on the disk
	Added      int // files that had no row
	Updated    int // rows that said something else than their file
	Lost       int // rows whose file is gone
	Live       int // files and rows of a running recorder, left alone
	Unfinished int // .part files that nobody writes: recovery finishes them
	Foreign    int // files that carry no entry of ours
	Others     int // files whose row is another recorder's
	Adopted    int // rows of another name that are this recorder's now: see adopt
	NotAdopted int // rows of a former name whose file is not here
	Copies     int // files with the entry of another file that is there too
	Busy       int // recordings that something else was changing for too long: the next comparison looks at them
	Aside      int // rows that the database refuses: see Stats.AsideDir
}

// reconciliation is one run of Reconcile.
type reconciliation struct {
	Comparison
	c *Catalogue

	files       map[string]int64  // finished files and their sizes, by slash path; what is settled is taken out
	parts       map[string]bool   // unfinished files
	busy        map[media.ID]bool // those that Report.Busy counts
	told        media.ID          // of whose end Ended was told last
	done, total int
	report      Report
}

// Reconcile makes the rows of this recorder say what is on the disk. Files without a row
// are added from the entry that each carries, and rows without a file are marked lost.
// Rows of other recorders are left alone, but for those that are taken over: see adopt.
//
// It needs the database: ErrUnavailable otherwise. Only paths and sizes are held
// in memory, rows go by in pages. It may run while recorders do. Each change of one
// recording is made by what its row and its file say once Comparison.Alone has it: see
// change.
func (c *Catalogue) Reconcile(ctx context.Context, o Comparison) (Report, error) {
	o.defaults()
	defer c.run.remember()()
	if err := c.Flush(ctx); err != nil {
		return Report{}, err
	}
	r := &reconciliation{Comparison: o, c: c, files: map[string]int64{}, parts: map[string]bool{}, busy: map[media.ID]bool{}}
	for _, step := range []func(context.Context) error{c.mayTakeOver, c.learnNamesAgain, r.walk, r.compare, r.add, c.Flush, c.forgetTakenOver} {
		if err := step(ctx); err != nil {
			return r.report, fmt.Errorf("reconcile: %w", err)
		}
	}
	r.report.Aside = c.Stats().Aside
	return r.report, nil
}

// walk lists the files. A directory that cannot be read ends it: rows must not be
// called lost because a disk is not mounted. One that is not to be read by us,
// such as the lost+found of a disk, is passed over: see onDisk.
func (r *reconciliation) walk(ctx context.Context) error {
	// DirFS follows a link to the directory itself, as whoever records to it does.
	err := fs.WalkDir(os.DirFS(r.Dir), ".", func(rel string, d fs.DirEntry, err error) error {
		if err != nil && rel != "." && errors.Is(err, fs.ErrPermission) {
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		if rel != "." && strings.HasPrefix(d.Name(), ".") && d.IsDir() {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return ctx.Err()
		}
		return r.note(rel, d)
	})
	r.report.Files, r.total = len(r.files), len(r.files)
	return err
}

func (r *reconciliation) note(rel string, d fs.DirEntry) error {
	switch {
	case strings.HasSuffix(rel, ".mp4"):
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			r.files[rel] = info.Size()
		}
		return err
	case strings.HasSuffix(rel, ".mp4"+media.PartSuffix):
		r.parts[rel] = true
		if r.live(rel) {
			r.report.Live++
		} else {
			r.report.Unfinished++
		}
	}
	return nil
}

// live asks for both names of a file: it may be renamed at any time.
func (r *reconciliation) live(path string) bool {
	plain := strings.TrimSuffix(path, media.PartSuffix)
	return r.IsLive(plain) || r.IsLive(plain+media.PartSuffix)
}

func (r *reconciliation) settled(path string) {
	if _, ok := r.files[path]; ok {
		delete(r.files, path)
		r.done++
		r.Progress(r.done, r.total)
	}
}

// compare goes through the rows of this recorder.
func (r *reconciliation) compare(ctx context.Context) error {
	a := ask{from: math.MinInt64, to: math.MaxInt64, protected: -1, ascending: true, limit: media.MaxLimit}
	for {
		rows, _, err := r.c.ask(ctx, &a)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			last := rows[len(rows)-1].Key() // before they are read again
			a.after = &last
		}
		if err := r.adopt(ctx, rows); err != nil {
			return err
		}
		for _, row := range rows {
			if row.Node == r.c.opts.Node && !r.agrees(row) {
				if err := r.mend(ctx, row.ID); err != nil {
					return err
				}
			}
		}
		if len(rows) < a.limit {
			return nil
		}
	}
}

// agrees reports whether a row stays as it is: it says what the disk does, or a recorder
// that runs has yet to say more.
func (r *reconciliation) agrees(row *row.Row) bool {
	size, there := r.files[row.Path]
	switch {
	case r.recorderKnowsMore(row.ID):
		r.settled(row.Path)
		r.settled(strings.TrimSuffix(row.Path, media.PartSuffix))
	case r.live(row.Path):
		if !r.parts[strings.TrimSuffix(row.Path, media.PartSuffix)+media.PartSuffix] { // it was counted
			r.report.Live++
		}
		r.settled(row.Path)
	case !there:
		return !media.State(row.State).Here() || r.onDisk(row.Path)
	case size != row.Size || !media.State(row.State).Here() || row.State == string(media.StateRecording),
		row.Misdated() && r.fileDatesOtherwise(row):
		return false
	default:
		r.settled(row.Path)
	}
	return true
}

// recorderKnowsMore reports whether a pipeline of this run writes the recording, or has
// just ended it, and what it said is on its way to the database.
func (r *reconciliation) recorderKnowsMore(id string) bool {
	e, known := r.c.pending.find(id)
	if !known || e.applied {
		return false
	}
	recording, err := media.ParseID(id)
	return err == nil && r.c.run.began(recording)
}

// fileDatesOtherwise asks a row's file for its end.
func (r *reconciliation) fileDatesOtherwise(row *row.Row) bool {
	rec, err := r.entry(row.Path)
	return err == nil && rec.ID.String() == row.ID && rec.EndUTC != row.EndNS
}

// onDisk looks again: a file may have got its name since the walk, or be where
// the walk could not look.
func (r *reconciliation) onDisk(path string) bool {
	top, err := os.Open(r.Dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer top.Close()
	plain := strings.TrimSuffix(path, media.PartSuffix)
	for _, name := range []string{plain, plain + media.PartSuffix} {
		switch info, err := filesystem.LstatBelow(top, name); {
		case errors.Is(err, filesystem.ErrNotBelow), err == nil && !info.Mode().IsRegular(): // no file of the directory, whatever it is
		case !errors.Is(err, fs.ErrNotExist):
			return true
		}
	}
	return false
}

// add makes rows of the files that none speaks for.
func (r *reconciliation) add(ctx context.Context) error {
	if err := r.c.Flush(ctx); err != nil {
		return err
	}
	for path := range r.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.addFile(ctx, path); err != nil {
			return err
		}
		r.settled(path)
	}
	return nil
}

func (r *reconciliation) addFile(ctx context.Context, path string) error {
	if r.live(path) {
		r.report.Live++
		return nil
	}
	rec, err := r.entry(path)
	if err != nil {
		r.noEntry(err)
		return nil
	}
	return r.change(ctx, rec.ID, func(ctx context.Context) error { return r.addRecording(ctx, path, rec.ID) })
}

// noEntry counts a file that does not say whose it is. One that was deleted since the walk
// is nothing to count.
func (r *reconciliation) noEntry(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		r.report.Foreign++
	}
}

func (r *reconciliation) entry(path string) (media.Recording, error) {
	rec, err := r.ReadEntry(filepath.Join(r.Dir, filepath.FromSlash(path)))
	rec.Path = path // where it is counts, not where it was
	return rec, err
}
