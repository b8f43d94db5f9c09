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

// AloneWith calls do with free, those of the recordings ids that no other code is changing, and returns
// the error of do. No other code changes the files and rows of free until do returns. AloneWith skips
// a recording that other code is changing. It calls do once with all recordings of free, or once with
// each of them (eachAlone); it does not call do if free is empty.
type AloneWith = func(ctx context.Context, ids []media.ID, do func(ctx context.Context, free []media.ID) error) error

// unhindered is an AloneWith for a process in which no other code changes recordings.
func unhindered(ctx context.Context, ids []media.ID, do func(context.Context, []media.ID) error) error {
	if len(ids) == 0 {
		return nil
	}
	return do(ctx, ids)
}

// eachAlone returns an AloneWith that calls the function alone (see Comparison.Alone) for one
// recording after the other, and skips a recording for which alone returns ErrBusy.
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

// Comparison configures Reconcile.
type Comparison struct {
	Dir string // path of the record directory
	// ReadEntry returns the recording that a file describes. path is Dir and the path below it, in
	// the form of the operating system.
	ReadEntry func(path string) (media.Recording, error)
	// IsLive reports whether a file is being written; path is slash-separated and relative to Dir.
	// Reconcile then leaves the file and its row alone. nil: no file is being written.
	IsLive func(path string) bool
	// Alone calls do while no other code changes the file or the row of a recording, and returns
	// its error. It returns ErrBusy, without calling do, if another change takes too long.
	// Reconcile never calls it from within do. nil: no other code changes recordings.
	Alone func(ctx context.Context, id media.ID, do func(context.Context) error) error
	// AloneWith does the same as Alone for many recordings. nil: Reconcile calls Alone for each.
	AloneWith AloneWith
	// Progress receives the number of files compared so far and of all files. It may be nil.
	Progress func(done, total int)
}

// defaults replaces the functions that are nil.
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

// Report is the result of Reconcile.
type Report struct {
	Files      int // finished files in the record directory
	Added      int // rows that were added for a file without one
	Updated    int // rows that were corrected from their file
	Lost       int // rows that got the state lost because their file is gone
	Live       int // files that are being written: they and their rows stay unchanged
	Unfinished int // .part files that no process writes: recovery finishes them
	Foreign    int // files that do not describe a recording of spool, or whose recording cannot be stored
	Others     int // files whose row is another recorder's
	Adopted    int // rows that got this recorder's name: see reconciliation.adopt
	NotAdopted int // rows of a former name whose file is not on this disk
	Copies     int // files that are copies of another file on this disk
	Busy       int // recordings that other code was changing for too long: the next Reconcile compares them
	Aside      int // changes that are set aside because the database refuses them: see Stats.AsideDir
}

// reconciliation is one run of Reconcile.
type reconciliation struct {
	Comparison
	c *Catalogue

	files       map[string]int64  // sizes of the finished files that are not settled yet, by slash-separated path
	parts       map[string]bool   // paths of the unfinished files
	busy        map[media.ID]bool // the recordings that Report.Busy counts
	lastEnded   media.ID          // the recording for which Ended was called last
	done, total int               // number of settled files, and of all finished files
	report      Report
}

// Reconcile updates the rows of this recorder from the files on the disk. It adds a row for a file
// without one, corrects rows that differ from their file, and gives the state lost to a row without
// a file. It leaves rows of other recorders alone, except those that it adopts: see
// reconciliation.adopt.
//
// Reconcile may run beside recorders. It computes each change from the row and the file as they are
// while Comparison.Alone excludes other changes. It keeps only the paths and sizes of files in
// memory.
//
// Reconcile returns ErrUnavailable while the database does not answer, ErrClaimed if a recorder in
// TakeOver may still run, and the errors of Flush and of the disk. With an error it returns the
// report so far.
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

// walk lists the files. It returns an error for a directory that cannot be read: a failing disk must
// not make rows lost. It skips a directory to which spool has no access, such as lost+found; onDisk then
// returns true for the files in it.
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

// note adds a finished file (.mp4) to r.files, or an unfinished one (.mp4.part) to r.parts, and counts
// the unfinished one in the report. It ignores other files. rel is the file's path below r.Dir.
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

// live reports whether a recorder is writing a file. path may have the suffix .part or not: live calls
// IsLive for both names, because the recorder may rename the file at any time.
func (r *reconciliation) live(path string) bool {
	plain := strings.TrimSuffix(path, media.PartSuffix)
	return r.IsLive(plain) || r.IsLive(plain+media.PartSuffix)
}

// settled removes a file from r.files, the files that the reconciliation must still compare, and calls
// r.Progress. It does nothing if r.files does not have the path.
func (r *reconciliation) settled(path string) {
	if _, ok := r.files[path]; ok {
		delete(r.files, path)
		r.done++
		r.Progress(r.done, r.total)
	}
}

// compare compares the rows of this recorder with the files, page by page, and corrects the rows that
// differ.
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

// agrees reports whether a row needs no change, because it agrees with its file or because a pipeline is
// writing the recording. It then also removes the row's file from r.files, so that add does not read
// the file.
func (r *reconciliation) agrees(row *row.Row) bool {
	size, there := r.files[row.Path]
	switch {
	case r.recorderKnowsMore(row.ID):
		r.settled(row.Path)
		r.settled(strings.TrimSuffix(row.Path, media.PartSuffix))
	case r.live(row.Path):
		if !r.parts[strings.TrimSuffix(row.Path, media.PartSuffix)+media.PartSuffix] { // else note has counted it
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

// recorderKnowsMore reports whether a pipeline of this process writes the recording, or has ended
// it during this reconciliation, and the recording's newest row is still pending.
func (r *reconciliation) recorderKnowsMore(id string) bool {
	e, known := r.c.pending.find(id)
	if !known || e.applied {
		return false
	}
	recording, err := media.ParseID(id)
	return err == nil && r.c.begun.began(recording)
}

// fileDatesOtherwise reports whether the file of a row has another end time than the row.
func (r *reconciliation) fileDatesOtherwise(row *row.Row) bool {
	rec, err := r.entry(row.Path)
	return err == nil && rec.ID.String() == row.ID && rec.EndUTC != row.EndNS
}

// onDisk looks for a file once more, with and without the suffix .part: it may have been renamed since
// the walk. It returns false only if the file certainly does not exist.
func (r *reconciliation) onDisk(path string) bool {
	top, err := os.Open(r.Dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer top.Close()
	plain := strings.TrimSuffix(path, media.PartSuffix)
	for _, name := range []string{plain, plain + media.PartSuffix} {
		switch info, err := filesystem.LstatBelow(top, name); {
		case errors.Is(err, filesystem.ErrNotBelow), err == nil && !info.Mode().IsRegular(): // no regular file
		case !errors.Is(err, fs.ErrNotExist):
			return true
		}
	}
	return false
}

// add reads the files that are still in r.files, and adds or corrects their rows. compare has removed
// the files whose row agrees with its file or has been corrected.
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

// addFile adds or corrects the row of one file.
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

// noEntry counts a file that does not describe a recording in Report.Foreign, unless the file was
// deleted since the walk. err is the error that reconciliation.entry returned for the file.
func (r *reconciliation) noEntry(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		r.report.Foreign++
	}
}

// entry returns the recording that a file describes, with Path set to path, the present path of the
// file. It returns the errors of Comparison.ReadEntry.
func (r *reconciliation) entry(path string) (media.Recording, error) {
	rec, err := r.ReadEntry(filepath.Join(r.Dir, filepath.FromSlash(path)))
	rec.Path = path // the file may have been renamed since its path was written into it
	return rec, err
}
