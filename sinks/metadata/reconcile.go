package metadata

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

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
	Aside      int // rows that the database refuses: see Stats.AsideDir
}

// reconciliation is one run of Reconcile.
type reconciliation struct {
	c         *Catalogue
	dir       string
	readEntry func(path string) (media.Recording, error)
	isLive    func(path string) bool
	progress  func(done, total int)

	files       map[string]int64 // finished files and their sizes, by slash path; what is settled is taken out
	parts       map[string]bool  // unfinished files
	done, total int
	report      Report
}

// Reconcile makes the rows of this recorder say what is on the disk. Files
// without a row are added from the entry that each carries (readEntry, given a
// path below dir as the system writes it); rows without a file are marked lost;
// what isLive names (by slash path relative to dir) is not touched. Rows of other
// recorders are not either, but for those that are taken over: see adopt.
//
// It needs the database: ErrUnavailable otherwise. Only paths and sizes are held
// in memory, rows go by in pages. It may run while recorders do.
func (c *Catalogue) Reconcile(ctx context.Context, dir string, readEntry func(path string) (media.Recording, error),
	isLive func(path string) bool, progress func(done, total int)) (Report, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	defer c.run.keepEnded()()
	if err := c.Flush(ctx); err != nil {
		return Report{}, err
	}
	r := &reconciliation{c: c, dir: dir, readEntry: readEntry, isLive: isLive, progress: progress,
		files: map[string]int64{}, parts: map[string]bool{}}
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
	err := fs.WalkDir(os.DirFS(r.dir), ".", func(rel string, d fs.DirEntry, err error) error {
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
	return r.isLive != nil && (r.isLive(plain) || r.isLive(plain+media.PartSuffix))
}

func (r *reconciliation) settled(path string) {
	if _, ok := r.files[path]; ok {
		delete(r.files, path)
		r.done++
		r.progress(r.done, r.total)
	}
}

// compare goes through the rows of this recorder.
func (r *reconciliation) compare(ctx context.Context) error {
	a := ask{from: math.MinInt64, to: math.MaxInt64, protected: -1, ascending: true, limit: media.MaxLimit}
	for {
		rows, err := r.c.ask(ctx, &a)
		if err != nil {
			return err
		}
		if err := r.adopt(ctx, rows); err != nil {
			return err
		}
		for _, row := range rows {
			if row.Node == r.c.opts.Node {
				if err := r.row(ctx, row); err != nil {
					return err
				}
			}
		}
		if len(rows) < a.limit {
			return nil
		}
		last := rows[len(rows)-1].Key()
		a.after = &last
	}
}

func (r *reconciliation) row(ctx context.Context, row *row.Row) error {
	size, there := r.files[row.Path]
	if e, known := r.c.pending.find(row.ID); known && !e.applied { // a recorder knows more by now
		r.settled(row.Path)
		r.settled(strings.TrimSuffix(row.Path, media.PartSuffix))
		return nil
	}
	switch {
	case r.live(row.Path):
		if !r.parts[strings.TrimSuffix(row.Path, media.PartSuffix)+media.PartSuffix] { // it was counted
			r.report.Live++
		}
		r.settled(row.Path)
	case there && size == row.Size && media.State(row.State).Here() && row.State != string(media.StateRecording):
		if row.Misdated() && r.fileDatesOtherwise(row) {
			return r.update(ctx, row)
		}
		r.settled(row.Path)
	case there:
		return r.update(ctx, row)
	case !media.State(row.State).Here() || r.onDisk(row.Path):
	default:
		return r.lose(ctx, row)
	}
	return nil
}

// fileDatesOtherwise asks a row's file for its end.
func (r *reconciliation) fileDatesOtherwise(row *row.Row) bool {
	rec, err := r.entry(row.Path)
	return err == nil && rec.ID.String() == row.ID && rec.EndUTC != row.EndNS
}

// onDisk looks again: a file may have got its name since the walk, or be where
// the walk could not look.
func (r *reconciliation) onDisk(path string) bool {
	plain := strings.TrimSuffix(path, media.PartSuffix)
	for _, name := range []string{plain, plain + media.PartSuffix} {
		if _, err := os.Lstat(filepath.Join(r.dir, filepath.FromSlash(name))); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

func (r *reconciliation) lose(ctx context.Context, row *row.Row) error {
	rec, err := row.Record(false)
	if err != nil {
		return err
	}
	// A file of this recording under another name takes the row over in add.
	rec.State = media.StateLost
	return r.put(ctx, rec.Recording, &r.report.Lost, func(ctx context.Context) (bool, error) {
		now, _, err := r.c.lookup(ctx, row.ID)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return err == nil && now.Revision == row.Revision, err
	})
}

// update takes the file's word where the row says something else.
func (r *reconciliation) update(ctx context.Context, row *row.Row) error {
	rec, err := r.entry(row.Path)
	if err != nil || rec.ID.String() != row.ID {
		return r.orphan(ctx, row, err)
	}
	defer r.settled(row.Path)
	known, err := row.Record(false)
	if err != nil {
		return err
	}
	keepEvents(&rec, known.Events)
	r.ended(ctx, row.State, rec)
	return r.put(ctx, rec, &r.report.Updated, r.fileIsThere(rec))
}

// orphan is a row whose path belongs to a file that is not its own.
func (r *reconciliation) orphan(ctx context.Context, row *row.Row, err error) error {
	if err != nil { // unreadable is not gone
		r.report.Foreign++
		r.settled(row.Path)
		return nil
	}
	if !media.State(row.State).Here() {
		return nil
	}
	return r.lose(ctx, row)
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
		r.report.Foreign++
		return nil
	}
	count := &r.report.Updated
	known, err := r.c.Record(ctx, rec.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		count = &r.report.Added
	case err != nil:
		return err
	case known.Node != r.c.opts.Node && !slices.Contains(*r.c.former.Load(), known.Node):
		r.report.Others++
		return nil
	case strings.TrimSuffix(known.Path, media.PartSuffix) != path && known.State.Here() && r.onDisk(known.Path):
		r.report.Copies++
		return nil
	case known.Path == path && known.State.Here() && known.State != media.StateRecording:
		return nil // a recorder finished it in the meantime
	default:
		if known.Node != r.c.opts.Node {
			if err := r.takeMoved(ctx, known); err != nil {
				return err
			}
		}
		keepEvents(&rec, known.Events)
		r.ended(ctx, string(known.State), rec)
	}
	return r.put(ctx, rec, count, r.fileIsThere(rec))
}

// fileIsThere looks again whether there is a recording for a row to speak of.
func (r *reconciliation) fileIsThere(rec media.Recording) func(context.Context) (bool, error) {
	return func(context.Context) (bool, error) { return r.onDisk(rec.Path), nil }
}

// keepEvents adds the events that a recording's row names and its file does not: its
// list had no room for them, or is torn.
func keepEvents(rec *media.Recording, events []media.Event) {
	for _, e := range events {
		rec.Events = media.JoinEvent(rec.Events, e)
	}
}

// ended tells of a file whose end an earlier run did not come to tell. Of one of this run,
// whose row may be about to say so, its pipeline or recovery tells.
func (r *reconciliation) ended(ctx context.Context, said string, rec media.Recording) {
	if said == string(media.StateRecording) && r.c.opts.Ended != nil && !r.c.run.began(rec.ID) {
		r.c.opts.Ended(ctx, rec)
	}
}

func (r *reconciliation) entry(path string) (media.Recording, error) {
	rec, err := r.readEntry(filepath.Join(r.dir, filepath.FromSlash(path)))
	rec.Path = path // where it is counts, not where it was
	return rec, err
}

// put waits for room in the journal where there is none: nothing here is urgent. It
// counts what it puts, and puts nothing where what it was made of is no more: a file is
// deleted before its row is, so that what holds here makes the deletion come behind.
func (r *reconciliation) put(ctx context.Context, rec media.Recording, count *int, holds func(context.Context) (bool, error)) error {
	if err := r.c.Claimed(); err != nil { // another recorder changes the same rows
		return err
	}
	put := func() error {
		r.c.changes.Lock()
		defer r.c.changes.Unlock()
		if still, err := holds(ctx); err != nil || !still {
			return err
		}
		err := r.c.Put(ctx, rec)
		if !errors.Is(err, ErrJournalFull) {
			*count++
		}
		return err
	}
	err := put()
	if errors.Is(err, ErrJournalFull) {
		if err := r.c.Flush(ctx); err != nil {
			return err
		}
		err = put()
	}
	switch {
	case errors.Is(err, row.ErrInvalid):
		r.report.Foreign++
		return nil
	case errors.Is(err, journal.ErrNotDurable): // it is on its way, and the next comparison would find it again
		return nil
	}
	return err
}
