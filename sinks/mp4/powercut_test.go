package mp4

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/powercut"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// cutFS adapts a simulated disk to disk.FS.
type cutFS struct{ *powercut.Disk }

func (d cutFS) Create(name string) (disk.File, error)   { return cutOpen(d.Disk.Create(name)) }
func (d cutFS) Open(name string) (disk.File, error)     { return cutOpen(d.Disk.Open(name)) }
func (d cutFS) OpenRead(name string) (disk.File, error) { return cutOpen(d.Disk.Open(name)) }
func (d cutFS) Same() (bool, error)                     { return true, nil }
func (d cutFS) Close() error                            { return nil }
func (d cutFS) RemoveDir(name string) error {
	if below, err := d.ReadDir(name); err != nil || len(below) > 0 {
		return cmp.Or(err, fs.ErrExist)
	}
	return d.Remove(name)
}
func (d cutFS) Mkdir(name string) (bool, error) {
	err := d.Disk.Mkdir(name)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func cutOpen(f *powercut.File, err error) (disk.File, error) {
	if err != nil {
		return nil, err
	}
	return cutFile{f}, nil
}

type cutFile struct{ *powercut.File }

func (f cutFile) WritevAt(bufs [][]byte, off int64) error {
	_, err := f.WriteAt(bytes.Join(bufs, nil), off)
	return err
}
func (f cutFile) Datasync() error          { return f.Sync() }
func (f cutFile) Punch(off, n int64) error { return f.Zero(off, n) }
func (f cutFile) Free() (int64, error)     { return 1 << 40, nil }

// promise is the state of the only file that the recorder has promised.
type promise struct {
	claimed  bool // the directory has its identity
	chunks   int  // durable, since Process of the last one returned
	finished bool
}

// cutRun is one recording on a simulated disk, with the samples of each of its chunks, by track.
type cutRun struct {
	disk   *powercut.Disk
	place  string       // path of the disk, by which the process knows the written files
	chunks [][][][]byte // chunk, track, sample
	older  *cutRun      // the recording that was on the same blocks before and was removed
	left   []byte       // bytes that the run leaves on its blocks if it is removed before it is finished
	holes  bool         // chunks before others may be missing, except promised ones
}

// withOlder returns a run on blocks that held another take of it.
func (run cutRun) withOlder(t *testing.T, form string) cutRun {
	t.Helper()
	older := recordTake(t, form, 0, scene(form, 1))
	for s := range older.disk.States(powercut.Options{}) {
		if p := last(s.Notes); s.What == "everything kept" && p.chunks == len(run.chunks) && !p.finished {
			_, older.left, _ = only(s.Disk)
			run.older = &older
			return run
		}
	}
	require.Fail(t, "no such state")
	return run
}

// recordOnDisk records four small chunks in one form, with the forget-th sync skipped.
func recordOnDisk(t *testing.T, form string, forget int) cutRun {
	t.Helper()
	return recordTake(t, form, forget, scene(form, 0))
}

// scene returns a take of the media for a form. It is small, since thousands of disks hold it. If
// the moov is to go to the tail, it has more samples than fit the page that is always reserved.
func scene(form string, take int64) synthetic {
	if forms[form].tail {
		return synthetic{fps: 100, gop: 100, picture: 9, sound: true, frame: 100, flush: time.Second, chunks: 4, take: take}
	}
	return synthetic{fps: 10, gop: 10, picture: 300, sound: true, frame: 100, flush: time.Second, chunks: 4, take: take}
}

func recordTake(t *testing.T, form string, forget int, scene synthetic) cutRun {
	t.Helper()
	run := cutRun{disk: powercut.New(), place: "/simulated/" + t.Name()}
	run.disk.Forget(forget)
	cfg := Defaults()
	cfg.Fragment = forms[form].fragment
	cfg.FilenamePattern = "{stream_path}/{seq}.mp4"
	s := newSession(t, cfg, nil)
	s.openFS = func(string) (disk.FS, error) { return cutFS{run.disk}, nil }
	s.indexes = func(disk.FS, string) sampleindex.Store { return indexesOn(run.disk) }
	s.reserve = smallReserve(form)
	pool := media.NewCheckedPool()
	set, chunks := scene.make(t, pool)
	for _, c := range chunks {
		run.chunks = append(run.chunks, samplesOf(c))
	}
	require.NoError(t, s.Open(context.Background()))
	run.disk.Note(promise{claimed: true})
	seg := segment(set, 1)
	durable := 0
	for i, c := range chunks {
		if !c.More {
			durable = i + 1
		}
		require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit))
		run.disk.Note(promise{claimed: true, chunks: durable})
	}
	require.NoError(t, s.end(seg, endcause.Stop))
	run.disk.Note(promise{claimed: true, chunks: len(chunks), finished: true})
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
	if forget == 0 {
		requireForm(t, form, run.disk.Files()[s.last().Path])
	}
	return run
}

// requireForm checks that the file was finished in the form under test.
func requireForm(t *testing.T, form string, b []byte) {
	t.Helper()
	var boxes []string
	walk := isobmff.Walk(b)
	for walk.Next() {
		boxes = append(boxes, walk.Type.String())
	}
	require.True(t, walk.Whole())
	want := map[string][]string{
		"moov first": {"ftyp", "free", "moov"}, "moov last": {"ftyp", "free", "mdat", "moov"}, "fragmented": {"ftyp", "moov", "free", "sidx"},
	}[form]
	require.Equal(t, want, boxes[:len(want)])
}

func samplesOf(c *media.Chunk) (out [][][]byte) {
	for i := range c.Tracks {
		cols, at, payload := &c.Tracks[i], 0, c.Tracks[i].Payload.Append(nil)
		var track [][]byte
		for _, n := range cols.SizeBytes {
			track = append(track, payload[at:at+int(n):at+int(n)])
			at += int(n)
		}
		out = append(out, track)
	}
	return out
}

// played returns the samples that a player finds in a file, by track: from the tables of its moov,
// or from its fragments up to the first missing one.
func played(b []byte) map[uint32][][]byte {
	out := map[uint32][][]byte{}
	moov := isobmff.Find(b, "moov")
	fragmented := isobmff.Find(moov, "mvex") != nil
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		tkhd, whole := isobmff.ReadTkhd(isobmff.Find(boxes.Payload, "tkhd"))
		if !boxes.Is("trak") || !whole || fragmented {
			continue
		}
		table, err := isobmff.ReadSampleTable(isobmff.Find(boxes.Payload, "mdia", "minf", "stbl"))
		var s isobmff.Sample
		for ok := err == nil; ok; {
			if ok, err = table.Next(&s); ok && err == nil && s.At+int64(s.SizeBytes) <= int64(len(b)) {
				out[tkhd.ID] = append(out[tkhd.ID], b[s.At:s.At+int64(s.SizeBytes)])
			}
		}
	}
	at := 0
	for whole := true; fragmented && whole && at < len(b); {
		h, ok := isobmff.ParseHeader(b[at:])
		if !ok || h.SizeBytes == 0 || at+int(h.SizeBytes) > len(b) {
			break
		}
		if h.Is("moof") {
			whole = playFragment(b[at:], b[at+8:at+int(h.SizeBytes)], out)
		}
		at += int(h.SizeBytes)
	}
	return out
}

// playFragment reads a moof of ours: offsets relative to the moof, a size for each sample.
func playFragment(from, moof []byte, out map[uint32][][]byte) bool {
	for boxes := isobmff.Walk(moof); boxes.Next(); {
		h, headed := isobmff.ReadTfhd(isobmff.Find(boxes.Payload, "tfhd"))
		run, whole := isobmff.ReadTrun(isobmff.Find(boxes.Payload, "trun"))
		if !boxes.Is("traf") || !headed || !whole {
			continue
		}
		at := int(run.DataOffset)
		for i := range run.Len() {
			s := run.Sample(i, &h.SampleDefaults)
			if at < 0 || at+int(s.SizeBytes) > len(from) {
				return false
			}
			out[h.TrackID] = append(out[h.TrackID], from[at:at+int(s.SizeBytes)])
			at += int(s.SizeBytes)
		}
		if !run.Whole() {
			return false
		}
	}
	return true
}

// compare checks a file that must have the promised chunks. If exact, it may hold nothing but
// recorded samples.
func (run cutRun) compare(b []byte, chunks int, exact bool) error {
	got := played(b)
	for i := range run.chunks[0] {
		have, n := got[uint32(i+1)], 0
		for k, chunk := range run.chunks {
			for _, want := range chunk[i] {
				if n >= len(have) {
					if k < chunks {
						return fmt.Errorf("track %d ends after %d samples, in chunk %d of %d promised", i+1, n, k+1, chunks)
					}
					break
				}
				if (exact || k < chunks) && !bytes.Equal(want, have[n]) {
					return fmt.Errorf("sample %d of track %d is damaged, in chunk %d; %d are promised", n, i+1, k+1, chunks)
				}
				n++
			}
		}
		if exact && n < len(have) {
			return fmt.Errorf("track %d has %d samples too many", i+1, len(have)-n)
		}
	}
	return nil
}

// only returns the one recording on a disk, if there is one.
func only(d *powercut.Disk) (name string, b []byte, err error) {
	for n, bytes := range d.Files() {
		if strings.HasPrefix(n, ".") {
			continue
		}
		if name != "" {
			return "", nil, fmt.Errorf("two files, %s and %s", name, n)
		}
		name, b = n, bytes
	}
	return name, b, nil
}

// verify checks a state as found, and again after recovery.
func (run cutRun) verify(s powercut.State) error {
	p := last(s.Notes)
	if _, err := disk.ReadIdentity(cutFS{s.Disk}); err != nil && (p.claimed || !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	name, b, err := only(s.Disk)
	if err != nil {
		return err
	}
	if p.chunks > 0 {
		if err := run.compare(b, p.chunks, false); err != nil {
			return fmt.Errorf("as it was found, %q: %w", name, err)
		}
	}
	if _, form, err := openScan(&memoryFile{b}, name); p.finished && (err != nil || form != finished || strings.HasSuffix(name, media.PartSuffix)) {
		return fmt.Errorf("was told to be finished and is not: %q %v %w", name, form, err)
	}
	return run.recover(s.Disk, p)
}

// recover recovers a state and its sample index, and returns an error of the footage, or else of the
// index before and after recovery.
func (run cutRun) recover(disk *powercut.Disk, p promise) error {
	found := checkIndex(disk, p.finished)
	return cmp.Or(run.recoverFile(disk, p), found, reindex(disk), checkIndex(disk, p.finished))
}

func (run cutRun) recoverFile(disk *powercut.Disk, p promise) error {
	var failed error
	err := recoverDir(context.Background(), cutFS{disk}, run.place, func(r Repaired) {
		if r.Err != nil && p.chunks > 0 { // an incomplete header is left as it is
			failed = fmt.Errorf("recovery: %w", r.Err)
		}
	})
	if errors.Join(err, failed) != nil {
		return errors.Join(err, failed)
	}
	name, b, err := only(disk)
	if err != nil || p.chunks == 0 && (name == "" || strings.HasSuffix(name, media.PartSuffix)) {
		return err
	}
	if _, form, err := openScan(&memoryFile{b}, name); err != nil || form != finished || strings.HasSuffix(name, media.PartSuffix) {
		return fmt.Errorf("is not finished after recovery: %q %v %w", name, form, err)
	}
	if p.chunks == 0 && run.older != nil && entryID(b) == entryID(run.older.left) {
		return run.older.only(b)
	}
	err = run.compare(b, p.chunks, !run.holes)
	if err == nil && run.holes {
		err = run.subset(b)
	}
	if err != nil {
		return fmt.Errorf("recovered: %w", err)
	}
	return nil
}

// only checks that a file holds nothing that this run did not record. The blocks of a header that
// was not synced may still be those of a removed file, which then counts as that file with its own
// entry.
func (run cutRun) only(b []byte) error {
	known := map[string]bool{}
	for _, chunk := range run.chunks {
		for _, sample := range slices.Concat(chunk...) {
			known[string(sample)] = true
		}
	}
	for id, samples := range played(b) {
		for i, sample := range samples {
			if !known[string(sample)] {
				return fmt.Errorf("sample %d of track %d is of another recording than the entry", i, id)
			}
		}
	}
	return nil
}

// entryID returns the recording ID of a file's entry.
func entryID(b []byte) string {
	e, _, _ := findEntry(isobmff.Find(b, "moov"))
	return e.identity.ID
}

// seen identifies a state that was checked.
type seen struct {
	sum uint64
	promise
}

// TestPowerCut visits the states after a power cut at any moment, and for each the states after
// another cut in the middle of recovery, each once.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	var total atomic.Int64
	t.Run("form", func(t *testing.T) {
		for form := range forms {
			t.Run(form, func(t *testing.T) {
				t.Parallel()
				run, checked, first := recordOnDisk(t, form, 0).withOlder(t, form), map[seen]bool{}, 0
				is := func(s powercut.State, p promise) (old bool) {
					old = checked[seen{s.Sum, p}]
					checked[seen{s.Sum, p}] = true
					return old
				}
				for s := range run.disk.States(powercut.Options{Seed: 1, Random: 30, Stale: run.older.left}) {
					p := last(s.Notes)
					if is(s, p) {
						continue
					}
					require.NoError(t, run.verify(s), "cut after operation %d, %s", s.Cut, s.What)
					first++
					for again := range s.Disk.States(powercut.Options{Seed: 1, Random: 2}) {
						if !is(again, p) {
							require.NoError(t, run.recover(again.Disk, p),
								"cut after operation %d, %s; recovery cut after operation %d, %s", s.Cut, s.What, again.Cut, again.What)
						}
					}
				}
				t.Logf("%d states, and %d of cuts in recovery", first, len(checked)-first)
				total.Add(int64(len(checked)))
			})
		}
	})
	t.Logf("%d states", total.Load())
	require.GreaterOrEqual(t, total.Load(), int64(5000))
}

func last(notes []any) (p promise) {
	if len(notes) > 0 {
		p = notes[len(notes)-1].(promise)
	}
	return p
}

// TestForgottenSync skips each sync in turn: the simulator must detect that it is missing.
func TestForgottenSync(t *testing.T) {
	t.Parallel()
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			syncs, _ := recordOnDisk(t, form, 0).disk.Syncs()
			require.Greater(t, syncs, 8)
			for n := 1; n <= syncs; n++ {
				run := recordOnDisk(t, form, n)
				_, what := run.disk.Syncs()
				var caught error
				for s := range run.disk.States(powercut.Options{Seed: 1, Random: 100}) {
					if caught = noticed(run.verify(s), n, syncs); caught != nil {
						break
					}
				}
				t.Logf("sync %d, %s: %v", n, what, caught)
				require.Error(t, caught, "no state shows that sync %d is missing: %s", n, what)
			}
		})
	}
}
