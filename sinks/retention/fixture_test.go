package retention

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
)

// fixture is a record directory on a disk of a given size, with a clock that the test controls. Files
// hold their entry as JSON, padded to their size.
type fixture struct {
	t      *testing.T
	dir    string
	now    time.Time
	steady time.Duration // the monotonic clock
	synced bool          // reported by the kernel
	total  int64
	other  int64 // bytes used by other programs
	leaky  bool  // deletion gives no room back
	leaked int64
	// removing is called while a file is deleted.
	removing func()
	written  map[string]bool // growing
	reading  map[string]bool
	rows     map[string]bool // by path
	rowsErr  error
	running  []string
	log      bytes.Buffer
	k        *Keeper
	n        int
}

const mib = 1 << 20

var morning = time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)

// newFixture returns a fixture with a synchronised clock; MassAllow is the default of its policy.
func newFixture(t *testing.T, policy Policy) *fixture {
	r := &fixture{
		t: t, dir: t.TempDir(), now: morning, synced: true, total: 100 * mib,
		written: map[string]bool{}, reading: map[string]bool{}, rows: map[string]bool{},
	}
	if policy.MassExpiry == "" {
		policy.MassExpiry = MassAllow
	}
	r.open(policy)
	t.Cleanup(func() { require.NoError(t, r.k.Close()) })
	return r
}

// open starts a keeper for the directory, as a start of the process does.
func (r *fixture) open(policy Policy) {
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	r.steady = 0
	k, err := New(policy, Deps{
		Dir: r.dir, Store: r, Recordings: r, Clock: r, Log: log, Disk: r.disk,
		Wall: wallclock.New(r, func() bool { return r.synced }, log),
		Read: Reader{
			Identity:  ".spool-directory",
			Entry:     readEntry,
			Writing:   func(path string) bool { return r.written[r.rel(path)] },
			Temporary: func(name string) bool { return strings.HasPrefix(name, ".spool-directory.") },
			Event:     func(rec media.Recording) bool { return rec.EndReason == endcause.Event },
		},
	})
	require.NoError(r.t, err)
	r.k = k
}

var errNotOurs = errors.New("not ours")

func readEntry(path string) (rec media.Recording, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return rec, err
	}
	if json.Unmarshal(bytes.TrimRight(data, "\x00"), &rec) != nil {
		return rec, errNotOurs
	}
	return rec, nil
}

// put writes a recording of a minute that ended ago before now.
func (r *fixture) put(name, stream string, ago time.Duration, size int64, change ...func(*media.Recording)) string {
	r.t.Helper()
	r.n++
	end := r.now.Add(-ago)
	rec := media.Recording{
		ID: media.NewID(end.Add(time.Duration(r.n))), Stream: stream, Pipeline: "default", Path: name, State: media.StateFinished,
		StartUTC: end.Add(-time.Minute).UnixNano(), EndUTC: end.UnixNano(),
	}
	for _, c := range change {
		c(&rec)
	}
	data, err := json.Marshal(rec)
	require.NoError(r.t, err)
	r.write(name, append(data, make([]byte, size-int64(len(data)))...), end)
	r.rows[name] = true
	return name
}

func (r *fixture) write(name string, data []byte, at time.Time) {
	r.t.Helper()
	path := r.path(name)
	require.NoError(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(r.t, os.WriteFile(path, data, 0o644))
	require.NoError(r.t, os.Chtimes(path, at, at))
}

func protected(rec *media.Recording) { rec.Protected = true }
func ofEvent(rec *media.Recording)   { rec.EndReason = endcause.Event }

func (r *fixture) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

func (r *fixture) rel(path string) string {
	rel, err := filepath.Rel(r.dir, path)
	require.NoError(r.t, err)
	return filepath.ToSlash(rel)
}

// files returns the names on the disk.
func (r *fixture) files() (out []string) {
	require.NoError(r.t, filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, r.rel(path))
		}
		return err
	}))
	return out
}

func (r *fixture) bytes() (n int64) {
	require.NoError(r.t, filepath.WalkDir(r.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, err := d.Info()
			require.NoError(r.t, err)
			n += space(info)
		}
		return err
	}))
	return n
}

func (r *fixture) disk(string) (filesystem.Capacity, error) {
	used := r.bytes() + r.other + r.leaked
	return filesystem.Capacity{UsableBytes: r.total, FreeBytes: r.total - used}, nil
}

// Now and After implement the clock; no test waits on it.
func (r *fixture) Now() time.Time        { return r.now }
func (r *fixture) Steady() time.Duration { return r.steady }
func (r *fixture) After(time.Duration) (<-chan time.Time, func()) {
	return make(chan time.Time), func() {}
}

func (r *fixture) Remove(_ context.Context, it *Item) error {
	if r.reading[it.Path] {
		return ErrKept
	}
	require.True(r.t, r.rows[it.Path] || it.Kind == Orphan, "the row must outlive the file: %s", it.Path)
	if r.removing != nil {
		r.removing()
	}
	if r.leaky {
		r.leaked += it.RoomBytes
	}
	return os.Remove(r.path(it.Path))
}

func (r *fixture) Forget(_ context.Context, items []*Item) error {
	if r.rowsErr != nil {
		return r.rowsErr
	}
	for _, it := range items {
		require.NoFileExists(r.t, r.path(it.Path), "the file goes first")
		delete(r.rows, it.Path)
	}
	return nil
}

func (r *fixture) Recording() []string { return r.running }

func (r *fixture) Stop(_ context.Context, stream string) error {
	r.running = slices.DeleteFunc(r.running, func(s string) bool { return s == stream })
	return nil
}

func (r *fixture) Start(stream string) error {
	r.running = append(r.running, stream)
	return nil
}

// look advances the clock and lets the keeper look.
func (r *fixture) look(after time.Duration) {
	r.now, r.steady = r.now.Add(after), r.steady+after
	r.k.MakeRoom(r.t.Context())
}

func (r *fixture) says(text string) bool { return strings.Contains(r.log.String(), text) }

func number(n int) string { return fmt.Sprintf("live/cam/%06d.mp4", n) }
