package metadata

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// addFootage sets the recordings of events, from the database and from the pending changes.
func (c *Catalogue) addFootage(ctx context.Context, events []media.EventRecord, pending map[string]entry, alone []*row.Row) error {
	at := make(map[string]*eventFootage, len(events))
	ids := make([]string, len(events))
	for i := range events {
		ids[i] = events[i].ID.String()
		at[ids[i]] = &eventFootage{of: &events[i], node: c.opts.Node, known: map[string]media.EventRecording{}}
	}
	var rows []footageRow
	err := c.read(ctx, func(ctx context.Context, s *store) (err error) {
		rows, err = s.footage(ctx, ids)
		return err
	})
	if err != nil && !errors.Is(err, ErrUnavailable) {
		return err
	}
	for i := range rows {
		f := at[rows[i].Event]
		if f.of.GoneUTC = rows[i].GoneNS; rows[i].ID == "" { // the event's own row was read earlier
			continue
		}
		if err := f.add(&rows[i]); err != nil {
			return err
		}
	}
	for id, e := range pending {
		if err := c.pendingFootage(id, e, at); err != nil {
			return err
		}
	}
	for _, r := range alone {
		if err := c.footageAlone(ctx, r, pending, at); err != nil {
			return err
		}
	}
	for _, f := range at {
		f.settle()
	}
	return nil
}

// pendingFootage adds or removes a pending recording.
func (c *Catalogue) pendingFootage(id string, e entry, at map[string]*eventFootage) error {
	if e.gone() { // from every event: the row need not name all of them
		for _, f := range at {
			f.remove(id, e.rev)
		}
		return nil
	}
	events, err := e.row.NamedEvents()
	if err != nil {
		return err
	}
	for i := range events {
		if f := at[events[i].ID.String()]; f != nil {
			if err := f.add(footageOf(e.row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// footageAlone adds the recording of an Event change, when its row is known and its footage is not
// gone.
func (c *Catalogue) footageAlone(ctx context.Context, r *row.Row, pending map[string]entry, at map[string]*eventFootage) error {
	pairs, _, err := pairsOf([]*row.Row{r})
	pairs = slices.DeleteFunc(pairs, func(p pair) bool { return at[p.Event] == nil })
	if err != nil || len(pairs) == 0 {
		return err
	}
	e, known := pending[r.ID]
	if !known {
		if e.row, _, err = c.lookup(ctx, r.ID); errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) {
			return nil
		} else if err != nil {
			return err
		}
	}
	if e.gone() {
		return nil
	}
	for _, p := range pairs {
		if err := at[p.Event].add(footageOf(e.row)); err != nil {
			return err
		}
	}
	return nil
}

// footageOf converts a row into the footage of an event.
func footageOf(r *row.Row) *footageRow {
	return &footageRow{
		ID: r.ID, Node: r.Node, Pipeline: r.Pipeline, Path: r.Path, State: r.State,
		StartNS: r.StartNS, EndNS: r.EndNS, SizeBytes: r.SizeBytes, Protected: r.Protected,
	}
}

// eventFootage gathers the recordings of one event.
type eventFootage struct {
	of     *media.EventRecord
	node   string // of this recorder
	known  map[string]media.EventRecording
	goneNS int64 // when the last of the removed recordings was deleted or lost
}

func (f *eventFootage) add(r *footageRow) error {
	id, err := media.ParseID(r.ID)
	if err != nil {
		return err
	}
	if _, known := f.known[r.ID]; !known && r.Total == 0 {
		f.of.Total++
	}
	f.of.Total = max(f.of.Total, r.Total)
	f.known[r.ID] = media.EventRecording{
		ID: id, Node: r.Node, Elsewhere: r.Node != f.node, Pipeline: r.Pipeline, Path: r.Path, State: media.State(r.State),
		StartUTC: r.StartNS, EndUTC: r.EndNS, SizeBytes: r.SizeBytes, Protected: r.Protected != 0,
	}
	return nil
}

func (f *eventFootage) remove(id string, rev int64) {
	if _, known := f.known[id]; known {
		delete(f.known, id)
		f.of.Total--
		f.goneNS = max(f.goneNS, rev)
	}
}

func (f *eventFootage) settle() {
	f.of.Recordings = slices.SortedFunc(maps.Values(f.known), func(a, b media.EventRecording) int {
		return cmp.Or(cmp.Compare(a.StartUTC, b.StartUTC), cmp.Compare(a.ID.String(), b.ID.String()))
	})
	if len(f.of.Recordings) > maxEventRecordings {
		f.of.Recordings = f.of.Recordings[:maxEventRecordings]
	}
	switch {
	case len(f.known) > 0:
		f.of.GoneUTC = 0
	case f.goneNS > 0:
		f.of.GoneUTC = f.goneNS
	}
}
