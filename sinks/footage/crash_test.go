package footage

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// state is the state of the only recording.
type state struct {
	row, file, facts bool
	lost             bool // according to the row
	rowSays, inFile  bool // protected
	rowEvs, fileEvts int
}

func (w *fixture) state() (s state) {
	r, row := w.rows[one]
	s.facts = w.facts[one]
	s.row, s.lost, s.rowSays, s.rowEvs = row, r.State == media.StateLost, r.Protected, len(r.Events)
	if f := w.files[path]; f != nil {
		s.file, s.inFile, s.fileEvts = true, f.protected, len(f.events)
	}
	return s
}

// operation is one change of file and row.
type operation struct {
	given func(*fixture) // creates the initial state, unless file and row agree
	do    func(context.Context, *fixture) error
	steps []string
	left  []state // the state after the restart that follows a cut before step n, and after all steps
}

var operations = map[string]operation{
	"protect": {
		do: func(ctx context.Context, w *fixture) error {
			_, err := w.SetProtected(ctx, one, true)
			return err
		},
		steps: []string{"file protect", "row protect"},
		left:  []state{{row: true, facts: true, file: true}, {row: true, facts: true, file: true, inFile: true}, {row: true, facts: true, file: true, inFile: true, rowSays: true}},
	},
	"delete": {
		do:    func(ctx context.Context, w *fixture) error { return w.Delete(ctx, one) },
		steps: []string{"file remove", "facts forget", "row delete"},
		left:  []state{{row: true, facts: true, file: true}, {row: true, lost: true, facts: true}, {row: true, lost: true}, {}},
	},
	"event": {
		do: func(ctx context.Context, w *fixture) error {
			m, err := w.AddEvent(ctx, one, media.Event{ID: media.ID{9}})
			if err == nil {
				err = m.FileError
			}
			return err
		},
		steps: []string{"row put", "file event"},
		left:  []state{{row: true, facts: true, file: true}, {row: true, facts: true, file: true, rowEvs: 1}, {row: true, facts: true, file: true, rowEvs: 1, fileEvts: 1}},
	},
	"evict": {
		do: func(ctx context.Context, w *fixture) error {
			gone := media.DeletedFile{ID: one, Path: path}
			if err := w.Evict(ctx, gone, false); err != nil {
				return err
			}
			return w.Forget(ctx, []media.DeletedFile{gone})
		},
		steps: []string{"file remove", "facts forget", "rows forget"},
		left:  []state{{row: true, facts: true, file: true}, {row: true, lost: true, facts: true}, {row: true, lost: true}, {}},
	},
	"lose": {
		given: func(w *fixture) { delete(w.files, path) },
		do:    compared,
		steps: []string{"row put"},
		left:  []state{{row: true, facts: true, lost: true}, {row: true, facts: true, lost: true}}, // the restart reconciles
	},
	"add": {
		given: func(w *fixture) {
			delete(w.rows, one)
			w.files[path].protected, w.files[path].events = true, []media.Event{{ID: media.ID{9}}}
		},
		do:    compared,
		steps: []string{"row put"},
		left: []state{
			{row: true, facts: true, file: true, inFile: true, rowSays: true, rowEvs: 1, fileEvts: 1},
			{row: true, facts: true, file: true, inFile: true, rowSays: true, rowEvs: 1, fileEvts: 1},
		},
	},
	"update": {
		given: func(w *fixture) {
			r := w.rows[one]
			r.State, r.Events = media.StateRecording, []media.Event{{ID: media.ID{8}}} // the file has no room for them
			w.rows[one] = r
			w.files[path].events = []media.Event{{ID: media.ID{9}}}
		},
		do:    compared,
		steps: []string{"row put"},
		left: []state{
			{row: true, facts: true, file: true, rowEvs: 2, fileEvts: 1},
			{row: true, facts: true, file: true, rowEvs: 2, fileEvts: 1},
		},
	},
}

// compared reconciles the only recording with the disk.
func compared(ctx context.Context, w *fixture) error {
	return w.Alone(ctx, one, func(ctx context.Context) error { return w.compare(ctx, one) })
}

// TestACrashBetweenAnyTwoSteps checks that the next start repairs the state: no deleted file
// comes back, and neither protection nor an event of the row is lost. Repeating the operation
// ends as without a crash.
func TestACrashBetweenAnyTwoSteps(t *testing.T) {
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			for cut := range len(op.steps) + 1 {
				want := op.left[cut]
				w := newFixture(t)
				if op.given != nil {
					op.given(w)
				}
				w.cutAt = cut
				err := op.do(t.Context(), w)
				require.Equal(t, cut == len(op.steps), err == nil, "cut before step %d: %v", cut, err)
				require.Equal(t, op.steps[:cut], append([]string{}, w.steps...))
				w.restart()
				require.Equal(t, want, w.state(), "cut before step %d", cut)
				if w.state().inFile { // regardless of the row
					require.ErrorIs(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false), ErrKept)
				}
				_ = op.do(t.Context(), w)
				require.Equal(t, op.left[len(op.steps)], w.state(), "again, after a cut before step %d", cut)
			}
		})
	}
}
