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

// AloneWith calls do while no other code changes the files and rows of the recordings free, and
// returns its error. free are the recordings among ids that no other code is changing: AloneWith
// waits for no change. It does not call do when free is empty.
type AloneWith = func(ctx context.Context, ids []media.ID, do func(ctx context.Context, free []media.ID) error) error

// unhindered is the AloneWith for callers without concurrent changes.
func unhindered(ctx context.Context, ids []media.ID, do func(context.Context, []media.ID) error) error {
	if len(ids) == 0 {
		return nil
	}
	return do(ctx, ids)
}

// eachAlone makes an AloneWith from an Alone.
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

// Comparison describes a record directory to Reconcile.
type Comparison struct {
	Dir string
	// ReadEntry returns the recording that the file at a path below Dir, in the system's form,
	// carries.
	ReadEntry func(path string) (media.Recording, error)
	// IsLive reports whether a file, by its slash path relative to Dir, is being written:
	// Reconcile then leaves the file and its row alone. May be nil: no file is live.
	IsLive func(path string) bool
	// Alone calls do while no other code changes the file or the row of a recording, and
	// returns its error. It returns ErrBusy, without calling do, when another change takes too
	// long. Calls are never nested. May be nil: no other code changes recordings.
	Alone func(ctx context.Context, id media.ID, do func(context.Context) error) error
	// AloneWith may be nil: Reconcile then changes one recording at a time by Alone, or, when
	// Alone is nil too, no other code changes recordings.
	AloneWith AloneWith
	// Progress receives the number of compared files and of all files. May be nil.
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

// Report describes the result of Reconcile.
type Report struct {
	Files      int // finished files on the disk
	Added      int // files that had no row
	Updated    int // rows that differed from their file
	Lost       int // rows whose file is gone
	Live       int // files and rows of a running recorder, left alone
	Unfinished int // .part files that no process writes: recovery finishes them
	Foreign    int // files without an entry of spool
	Others     int // files whose row is another recorder's
	Adopted    int // rows that were given this recorder's name: see adopt
	NotAdopted int // rows of a former name whose file is not on this disk
	Copies     int // files with the entry of another file that exists too
	Busy       int // recordings that other code was changing for too long: left to the next comparison
	Aside      int // rows that the database refuses: see Stats.AsideDir
}

// reconciliation is one run of Reconcile.
type reconciliation struct {
	Comparison
	c *Catalogue

	files       map[string]int64  // finished files and their sizes, by slash path; settled files are removed
	parts       map[string]bool   // unfinished files
	busy        map[media.ID]bool // the recordings that Report.Busy counts
	lastEnded   media.ID          // the recording that Ended was last called for
	done, total int
	report      Report
}

// Reconcile updates the rows of this recorder from the files on the disk. It adds a row for a
// file without one, from the entry in the file, and marks a row without a file as lost.
// It leaves rows of other recorders alone, except those that it takes over: see adopt.
//
// It returns ErrUnavailable while the database does not answer. It holds only paths and sizes in
// memory; rows are read in pages. It may run beside recorders. Each change of a recording is
// computed from its row and its file after Comparison.Alone has excluded other changes: see
// change.
func (c *Catalogue) Reconcile(ctx context.Context, o Comparison) (Report, error) {
	o.defaults()
	defer c.begun.remember()()
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

// walk lists the files. It fails on a directory that cannot be read, since an unmounted disk
// must not mark rows as lost. It skips a directory that spool has no permission for, such as
// lost+found: see onDisk.
func (r *reconciliation) walk(ctx context.Context) error {
	// DirFS follows a symbolic link in place of the directory itself, as the recorder does.
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

// live asks IsLive for both names of a file, which may be renamed at any time.
func (r *reconciliation) live(path string) bool {
	plain := strings.TrimSuffix(path, media.PartSuffix)
	return r.IsLive(plain) || r.IsLive(plain+media.PartSuffix)
}

// settled removes a file from those that add looks at, and reports the progress.
func (r *reconciliation) settled(path string) {
	if _, ok := r.files[path]; ok {
		delete(r.files, path)
		r.done++
		r.Progress(r.done, r.total)
	}
}

// compare compares the rows of this recorder with the files.
func (r *reconciliation) compare(ctx context.Context) error {
	a := parsedQuery{fromNS: math.MinInt64, toNS: math.MaxInt64, protected: -1, ascending: true, limit: media.MaxLimit}
	for {
		rows, _, err := r.c.readPage(ctx, &a)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			last := rows[len(rows)-1].Key() // before adopt replaces the rows
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

// agrees reports whether a row needs no change: it agrees with the disk, or a running recorder
// has newer data.
func (r *reconciliation) agrees(row *row.Row) bool {
	size, there := r.files[row.Path]
	switch {
	case r.recorderKnowsMore(row.ID):
		r.settled(row.Path)
		r.settled(strings.TrimSuffix(row.Path, media.PartSuffix))
	case r.live(row.Path):
		if !r.parts[strings.TrimSuffix(row.Path, media.PartSuffix)+media.PartSuffix] { // note counted the .part file
			r.report.Live++
		}
		r.settled(row.Path)
	case !there:
		return !media.State(row.State).Here() || r.onDisk(row.Path)
	case size != row.SizeBytes || !media.State(row.State).Here() || row.State == string(media.StateRecording),
		row.Misdated() && r.fileDatesOtherwise(row):
		return false
	default:
		r.settled(row.Path)
	}
	return true
}

// recorderKnowsMore reports whether a pipeline of this process writes the recording or has just
// ended it, and its newest row waits for the database.
func (r *reconciliation) recorderKnowsMore(id string) bool {
	e, known := r.c.pending.find(id)
	if !known || e.applied {
		return false
	}
	recording, err := media.ParseID(id)
	return err == nil && r.c.begun.began(recording)
}

// fileDatesOtherwise reports whether the file of a row carries another end than the row.
func (r *reconciliation) fileDatesOtherwise(row *row.Row) bool {
	rec, err := r.entry(row.Path)
	return err == nil && rec.ID.String() == row.ID && rec.EndUTC != row.EndNS
}

// onDisk looks for a file again: it may have been renamed since the walk, or be in a directory
// that the walk could not read.
func (r *reconciliation) onDisk(path string) bool {
	top, err := os.Open(r.Dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer top.Close()
	plain := strings.TrimSuffix(path, media.PartSuffix)
	for _, name := range []string{plain, plain + media.PartSuffix} {
		switch info, err := filesystem.LstatBelow(top, name); {
		case errors.Is(err, filesystem.ErrNotBelow), err == nil && !info.Mode().IsRegular(): // no regular file of the directory
		case !errors.Is(err, fs.ErrNotExist):
			return true
		}
	}
	return false
}

// add adds rows for the files that compare has not settled.
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

// noEntry counts a file without an entry, unless it was deleted since the walk.
func (r *reconciliation) noEntry(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		r.report.Foreign++
	}
}

func (r *reconciliation) entry(path string) (media.Recording, error) {
	rec, err := r.ReadEntry(filepath.Join(r.Dir, filepath.FromSlash(path)))
	rec.Path = path // the entry's path may be older than the file's
	return rec, err
}
