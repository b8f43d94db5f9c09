package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/facts"
)

// These tests kill a process between two steps of a change of a recording, with real files,
// journal and database. TestMain runs the process, and the test then makes the next start.

// killVar passes to the process the directory, the operation, the recording, the path, and the
// step before which it is killed.
const killVar = "SPOOL_TEST_KILLED_IN_A_CHANGE"

func TestMain(m *testing.M) {
	if what := os.Getenv(killVar); what != "" {
		beKilled(strings.Split(what, "|"))
	}
	os.Exit(m.Run())
}

// killer kills the process after left steps, and prints the name of each step.
type killer struct{ left int }

func (k *killer) step(name string) {
	if k.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	k.left--
	fmt.Println(name)
}

// killedFiles and killedRows wrap those of the product; each change is one step.
type (
	killedFiles struct {
		files
		*killer
	}
	killedRows struct {
		rows
		*killer
	}
)

func (f killedFiles) SetProtected(path string, id media.ID, protected bool) error {
	f.step("file protect")
	return f.files.SetProtected(path, id, protected)
}

func (f killedFiles) AddEvents(path string, id media.ID, events []media.Event) error {
	f.step("file event")
	return f.files.AddEvents(path, id, events)
}

func (f killedFiles) Remove(path string) error {
	f.step("file remove")
	return f.files.Remove(path)
}

func (f killedFiles) Forget(id media.ID) error {
	f.step("facts forget")
	return f.files.Forget(id)
}

func (r killedRows) Put(ctx context.Context, rec media.Recording) error {
	r.step("row put")
	return r.rows.Put(ctx, rec)
}

func (r killedRows) PutEvents(ctx context.Context, rec media.Recording, events ...media.Event) error {
	r.step("row pairs event")
	return r.rows.PutEvents(ctx, rec, events...)
}

func (r killedRows) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	r.step("row protect")
	return r.rows.SetProtected(ctx, id, protected)
}

func (r killedRows) Delete(ctx context.Context, id media.ID) error {
	r.step("row delete")
	return r.rows.Delete(ctx, id)
}

func (r killedRows) Forget(ctx context.Context, gone []media.DeletedFile) error {
	r.step("rows forget")
	return r.rows.Forget(ctx, gone)
}

// life is one start of a recorder on a directory.
type life struct {
	dir       string
	tasks     *pipeline.Tasks
	catalogue *metadata.Catalogue
	*footage.Store
}

func live(ctx context.Context, dir string, k *killer) (*life, error) {
	log := slog.New(slog.DiscardHandler)
	l := &life{dir: dir, tasks: pipeline.NewTasks(log, pipeline.SystemClock)}
	var err error
	l.catalogue, err = metadata.Open(ctx, metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(dir, "spool.db"), JournalDir: filepath.Join(dir, "journal"),
		Node: "test", Log: log, Clock: pipeline.SystemClock, Tasks: l.tasks,
	})
	if err != nil {
		return nil, err
	}
	l.Store = footage.New(footage.Options{
		Catalogue: killedRows{rows{l.catalogue}, k}, Index: l.catalogue, Files: killedFiles{files{dir}, k}, Clock: pipeline.SystemClock,
		Deleted: func(string) {}, Mistaken: func() {},
	})
	return l, l.catalogue.Ready(ctx)
}

func (l *life) end(t *testing.T) {
	t.Helper()
	require.NoError(t, l.catalogue.Close(context.Background()))
	require.NoError(t, l.tasks.Stop(context.Background()))
}

// recover finishes the files of a crash, as Server.recoverOnce does.
func (l *life) recover(ctx context.Context) error {
	s := &Server{catalogue: l.catalogue, log: slog.New(slog.DiscardHandler), protection: media.NewProtection(0, 0)}
	return mp4.Recover(ctx, l.dir, func(r mp4.Repaired) {
		if r.Err != nil || r.Recording.State == "" {
			return
		}
		l.Recovered(ctx, footage.Recovery{
			Recording: r.Recording, Unmarked: s.joinEvents, Tell: func(context.Context, media.Recording) bool { return false },
			Protect: func(rec media.Recording, missed []media.Event) bool {
				_, granted := s.protect(rec, missed)
				return granted
			},
		})
	})
}

// compared recovers and then compares, as each start does.
func (l *life) compared(t *testing.T) {
	t.Helper()
	require.NoError(t, l.recover(t.Context()))
	_, err := Compare(t.Context(), l.catalogue, l.dir, turns(l.Store), nil)
	require.NoError(t, err)
	require.NoError(t, l.catalogue.Flush(t.Context()))
}

// crashing is one of the operations that change file and row together.
type crashing struct {
	do    func(context.Context, *life, media.ID, string) error
	steps []string
	check func(t *testing.T, s left, done int) // checks the state after done steps, a kill and a restart
	again func(t *testing.T, s left)           // checks the state after the operation was repeated
}

// left is the state of the recording after a kill.
type left struct {
	row                       *media.Record // nil if there is none
	file                      bool
	entry                     media.Recording // the file's entry
	facts, kept, namedByEvent bool
}

var crashEvent = media.Event{ID: media.ID{9}, Name: "door", Protect: true}

func (l *life) left(t *testing.T, id media.ID, path string) (s left) {
	t.Helper()
	r, err := l.catalogue.Record(t.Context(), id)
	if err == nil {
		s.row = &r
	} else {
		require.ErrorIs(t, err, metadata.ErrNotFound)
	}
	s.entry, err = mp4.ReadEntry(filepath.Join(l.dir, path))
	if s.file = err == nil; !s.file {
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	known, err := facts.In(l.dir).Read(id)
	require.NoError(t, err)
	s.facts = !known.None()
	events, err := l.catalogue.Events(t.Context(), media.EventQuery{})
	require.NoError(t, err)
	for _, e := range events.Events {
		s.namedByEvent = s.namedByEvent || e.ID == crashEvent.ID
	}
	if s.file && s.entry.Protected {
		s.kept = true
		require.ErrorIs(t, l.Evict(t.Context(), media.DeletedFile{ID: id, Path: path}, false), footage.ErrKept)
	}
	return s
}

func (s left) names(events []media.Event) bool {
	return len(events) == 1 && events[0].ID == crashEvent.ID
}

// gone checks that the file is removed first and does not come back.
func gone(t *testing.T, s left, done int) {
	t.Helper()
	if done == 0 {
		require.True(t, s.file)
		require.Equal(t, media.StateFinished, s.row.State)
		return
	}
	require.False(t, s.file)
	if s.row != nil {
		require.Equal(t, media.StateLost, s.row.State)
	}
	require.True(t, done < 3 || s.row == nil, "its row is gone")
}

func noTrace(t *testing.T, s left) {
	t.Helper()
	require.Nil(t, s.row)
	require.False(t, s.file || s.facts)
}

var crashes = map[string]crashing{
	"protect": {
		do: func(ctx context.Context, l *life, id media.ID, _ string) error {
			_, err := l.SetProtected(ctx, id, true)
			return err
		},
		steps: []string{"file protect", "row protect"},
		check: func(t *testing.T, s left, done int) {
			require.Equal(t, done > 0, s.kept, "protection outlives the row that does not have it")
			require.True(t, done < 2 || s.row.Protected)
		},
		again: func(t *testing.T, s left) { require.True(t, s.kept && s.row.Protected) },
	},
	"delete": {
		do:    func(ctx context.Context, l *life, id media.ID, _ string) error { return l.Delete(ctx, id) },
		steps: []string{"file remove", "facts forget", "row delete"}, check: gone, again: noTrace,
	},
	"evict": {
		do: func(ctx context.Context, l *life, id media.ID, path string) error {
			f := media.DeletedFile{ID: id, Path: path}
			if err := l.Evict(ctx, f, false); err != nil {
				return err
			}
			return l.Forget(ctx, []media.DeletedFile{f})
		},
		steps: []string{"file remove", "facts forget", "rows forget"}, check: gone, again: noTrace,
	},
	"event": {
		do: func(ctx context.Context, l *life, id media.ID, _ string) error {
			m, err := l.AddEvent(ctx, id, crashEvent)
			if err == nil {
				err = m.FileError
			}
			return err
		},
		steps: []string{"row put", "file event"},
		check: func(t *testing.T, s left, done int) {
			require.Equal(t, done > 0, s.names(s.row.Events))
			require.Equal(t, done > 0, s.namedByEvent)
			require.Equal(t, done > 1, s.names(s.entry.Events))
		},
		again: func(t *testing.T, s left) {
			require.True(t, s.names(s.row.Events) && s.names(s.entry.Events) && s.namedByEvent)
		},
	},
	"recover": {
		do:    func(ctx context.Context, l *life, _ media.ID, _ string) error { return l.recover(ctx) },
		steps: []string{"row put", "file event", "file protect", "row protect"},
		check: func(t *testing.T, s left, done int) {
			require.True(t, s.file && s.namedByEvent)
			require.NotNil(t, s.row)
			require.Equal(t, media.StateRecovered, s.row.State)
			require.Equal(t, done > 0, s.names(s.row.Events))
			require.Equal(t, done > 1, s.names(s.entry.Events))
			require.Equal(t, done > 2, s.kept)
			require.Equal(t, done > 3, s.row.Protected)
		},
		again: func(t *testing.T, s left) { require.True(t, s.file && s.row != nil && s.namedByEvent) },
	},
}

// beKilled runs an operation until it is killed, at the latest behind its last step.
func beKilled(what []string) {
	ctx := context.Background()
	n, err := strconv.Atoi(what[4])
	id, bad := media.ParseID(what[2])
	if err == nil && bad == nil {
		k := &killer{n}
		var l *life
		if l, err = live(ctx, what[0], k); err == nil {
			err = crashes[what[1]].do(ctx, l, id, what[3])
			k.left = 0
		}
		if err == nil {
			k.step("")
		}
	}
	fmt.Fprintln(os.Stderr, what, err, bad)
	os.Exit(1)
}

// TestAKillBetweenAnyTwoSteps checks that no deleted file comes back, and that no protection and
// no event in the row is lost. The repeated operation ends as without a kill.
func TestAKillBetweenAnyTwoSteps(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	f := r.publish("live/x", 25)
	f.feed(5 * 25)
	own := f.end()[0]
	whole, err := os.ReadFile(filepath.Join(r.dir, own.Path))
	require.NoError(t, err)
	grew := leftByACrash(t)
	for name, c := range crashes {
		for cut := range len(c.steps) + 1 {
			t.Run(fmt.Sprintf("%s, %d", name, cut), func(t *testing.T) {
				dir, path, id := t.TempDir(), "live/1.mp4", own.ID
				b, at := whole, path
				if name == "recover" {
					b, at = grew, path+media.PartSuffix
				}
				file := filepath.Join(dir, filepath.FromSlash(at))
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, b, 0o600))
				first, err := live(t.Context(), dir, &killer{1 << 30})
				require.NoError(t, err)
				require.NoError(t, ClaimDirectory(t.Context(), first.catalogue, dir, false))
				if name == "recover" {
					entry, err := mp4.ReadEntry(file)
					require.NoError(t, err)
					id = entry.ID
					e := crashEvent
					e.AtUTC, e.StartUTC, e.EndUTC = entry.StartUTC+1, entry.StartUTC, entry.StartUTC+int64(time.Hour)
					entry.Path = at
					require.NoError(t, first.catalogue.Put(t.Context(), entry))
					require.NoError(t, first.catalogue.PutEvents(t.Context(), entry, e))
				} else {
					first.compared(t)
					_, err := first.SetProtected(t.Context(), id, true) // so that facts exist
					require.NoError(t, err)
					_, err = first.SetProtected(t.Context(), id, false)
					require.NoError(t, err)
				}
				require.NoError(t, first.catalogue.Flush(t.Context()))
				first.end(t)

				assert.Equal(t, c.steps[:cut], killed(t, dir, name, id, path, cut))

				next, err := live(t.Context(), dir, &killer{1 << 30})
				require.NoError(t, err)
				defer next.end(t)
				next.compared(t)
				c.check(t, next.left(t, id, path), cut)
				_ = c.do(t.Context(), next, id, path) // it fails if the recording is deleted
				require.NoError(t, next.catalogue.Flush(t.Context()))
				next.compared(t)
				c.again(t, next.left(t, id, path))
			})
		}
	}
}

// killed runs the process and returns the steps that it did.
func killed(t *testing.T, dir, op string, id media.ID, path string, cut int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), killVar+"="+strings.Join([]string{dir, op, id.String(), path, strconv.Itoa(cut)}, "|"))
	var said, failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &failed
	err := cmd.Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", failed.String())
	steps := []string{}
	for in := bufio.NewScanner(io.Reader(&said)); in.Scan(); {
		steps = append(steps, in.Text())
	}
	return steps
}
