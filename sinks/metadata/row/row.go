package row

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// Row is a row of spool_recordings, and the payload of the journal's records. Its columns
// correspond to the fields of media.Recording.
//
// Invariant: the revision of a stored row never decreases. ProtectedRev is the revision of the last
// change of kind Protect, which sets or clears only the protection; it is 0 if there was no such
// change.
type Row struct {
	bun.BaseModel `bun:"table:spool_recordings,alias:r" json:"-"`

	ID           string          `bun:"id,pk" json:"id"`
	Node         string          `bun:"node" json:"node,omitempty"`
	Stream       string          `bun:"stream" json:"stream"`
	Pipeline     string          `bun:"pipeline" json:"pipeline"`
	Path         string          `bun:"file_path" json:"file_path"`
	State        string          `bun:"state" json:"state"`
	StartNS      int64           `bun:"start_ns" json:"start_ns"`
	EndNS        int64           `bun:"end_ns" json:"end_ns"`
	DurationNS   int64           `bun:"duration_ns" json:"duration_ns"`
	Span         int             `bun:"span" json:"-"` // length class: see SpanOf
	SizeBytes    int64           `bun:"size" json:"size"`
	Tracks       json.RawMessage `bun:"tracks" json:"tracks"`
	EndReason    string          `bun:"end_reason" json:"end_reason,omitempty"`
	GapCause     string          `bun:"gap_cause" json:"gap_cause,omitempty"`
	GapNS        int64           `bun:"gap_ns" json:"gap_ns,omitempty"`
	GapChunks    int             `bun:"gap_chunks" json:"gap_chunks,omitempty"`
	GapStepNS    int64           `bun:"gap_step_ns" json:"gap_step_ns,omitempty"`
	Events       json.RawMessage `bun:"events" json:"events,omitempty"`
	Gaps         json.RawMessage `bun:"gaps" json:"gaps,omitempty"`       // inside the recording; nil: no gaps
	Anchors      json.RawMessage `bun:"anchors" json:"anchors,omitempty"` // nil: no anchors
	Protected    int             `bun:"protected" json:"protected,omitempty"`
	ProtectedRev int64           `bun:"protected_rev" json:"protected_rev,omitempty"`
	Revision     int64           `bun:"revision" json:"-"`

	Evicted bool `bun:"-" json:"evicted,omitempty"` // in a Delete change: retention removed the file

	Named      int `bun:"-" json:"-"` // number of events in Events; 0 unless Of made the row
	EventBytes int `bun:"-" json:"-"` // size of the events in Events, by media.Event.Bytes; 0 unless Of made the row
}

// Of returns the row of a recording. node is the name of the recorder that has the file. Of returns
// ErrInvalid for a recording that no database can store.
func Of(rec media.Recording, node string) (*Row, error) {
	if err := storable(rec, node); err != nil {
		return nil, err
	}
	tracks, err := json.Marshal(rec.Tracks)
	if err != nil || rec.Tracks == nil {
		tracks = []byte("[]")
	}
	eventBytes := 0
	for i := range rec.Events {
		if err := StorableEvent(&rec.Events[i]); err != nil {
			return nil, err
		}
		eventBytes += rec.Events[i].Bytes()
	}
	events, err := json.Marshal(rec.Events)
	if err != nil {
		return nil, fmt.Errorf("%w: events: %w", ErrInvalid, err)
	}
	if rec.Events == nil {
		events = []byte("[]")
	}
	tracks, events = storableJSON(tracks), storableJSON(events)
	r := &Row{
		ID: rec.ID.String(), Node: node, Stream: rec.Stream, Pipeline: rec.Pipeline, Path: rec.Path,
		State: string(rec.State), StartNS: rec.StartUTC, EndNS: rec.EndUTC, DurationNS: rec.DurationNS,
		SizeBytes: rec.SizeBytes, Tracks: tracks, EndReason: string(rec.EndReason),
		GapCause: string(rec.Gap.Cause), GapNS: rec.Gap.DurationNS, GapChunks: rec.Gap.Chunks, GapStepNS: rec.Gap.StepNS,
		Events: events, Protected: Bit(rec.Protected), Named: len(rec.Events), EventBytes: eventBytes,
	}
	if r.Gaps, err = listed(len(rec.Gaps), rec.Gaps); err == nil {
		r.Anchors, err = listed(len(rec.Anchors), rec.Anchors)
	}
	r.Span = SpanOf(r)
	return r, err
}

// listed encodes a list of n elements as JSON. It returns nil if n is 0.
func listed(n int, list any) (json.RawMessage, error) {
	if n == 0 {
		return nil, nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return storableJSON(b), nil
}

// unlist decodes a list that listed has encoded. what is the name of the column, for the error.
func (r *Row) unlist(what string, b json.RawMessage, into any) error {
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("catalogue row %s: %s: %w", r.ID, what, err)
	}
	return nil
}

// storableJSON replaces those escapes in JSON that PostgreSQL refuses, \u0000 and unpaired
// surrogates: it writes \ufffd in their place.
func storableJSON(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		first, n := escaped(b[i:])
		switch {
		case n < 6: // no escape, or a short one
			out = append(out, b[i:i+n]...)
		case utf16.IsSurrogate(first):
			second, m := escaped(b[i+n:])
			if m == 6 && utf16.DecodeRune(first, second) != utf8.RuneError {
				n += m
				out = append(out, b[i:i+n]...)
			} else {
				out = append(out, `\ufffd`...)
			}
		case first == 0:
			out = append(out, `\ufffd`...)
		default:
			out = append(out, b[i:i+n]...)
		}
		i += n
	}
	return out
}

// escaped reads the byte or the JSON escape at the begin of b, and returns its length n. For an
// escape \u with four hexadecimal digits, n is 6 and unit is the UTF-16 code unit; else unit is 0.
func escaped(b []byte) (unit rune, n int) {
	switch {
	case len(b) < 2 || b[0] != '\\':
		return 0, min(1, len(b))
	case b[1] != 'u' || len(b) < 6:
		return 0, 2
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0, 2
	}
	return rune(v), 6
}

// Bytes returns the approximate size of the recording as JSON.
func (r *Row) Bytes() int {
	const others = 512 // the columns of bounded length
	return others + len(r.Stream) + len(r.Path) + len(r.Tracks) + len(r.Events) + len(r.Gaps) + len(r.Anchors)
}

// Bit returns the form of a bool in a column: 1 for true, 0 for false.
func Bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// storable returns ErrInvalid for a recording that a database would always refuse, and else nil.
func storable(rec media.Recording, node string) error {
	for _, f := range []struct {
		name, value string
		max         int
	}{
		{"stream", rec.Stream, database.MaxStreamBytes}, {"path", rec.Path, database.MaxPathBytes},
		{"pipeline", rec.Pipeline, database.MaxNameBytes}, {"node", node, database.MaxNameBytes},
		{"state", string(rec.State), 16}, {"end reason", string(rec.EndReason), 32},
		{"gap cause", string(rec.Gap.Cause), 32},
	} {
		if len(f.value) > f.max {
			return fmt.Errorf("%w: %s has %d bytes, at most %d fit", ErrInvalid, f.name, len(f.value), f.max)
		}
		if !utf8.ValidString(f.value) || strings.ContainsRune(f.value, 0) {
			return fmt.Errorf("%w: %s %.60q is not plain text", ErrInvalid, f.name, f.value)
		}
	}
	switch {
	case rec.ID == media.ID{}:
		return fmt.Errorf("%w: it has no ID", ErrInvalid)
	case rec.Stream == "" || rec.Path == "" || rec.State == "":
		return fmt.Errorf("%w: stream %q, path %q, state %q: none may be empty", ErrInvalid, rec.Stream, rec.Path, rec.State)
	case path.IsAbs(rec.Path) || path.Clean(rec.Path) != rec.Path || rec.Path == ".." || strings.HasPrefix(rec.Path, "../"):
		return fmt.Errorf("%w: path %.80q must be relative to the record directory, and clean", ErrInvalid, rec.Path)
	case rec.Gap.Chunks < 0 || rec.Gap.Chunks > math.MaxInt32:
		return fmt.Errorf("%w: a gap of %d chunks", ErrInvalid, rec.Gap.Chunks)
	}
	return nil
}

// Record converts the row into a record, whose field Pending it sets to pending. The error names
// the column that cannot be decoded.
func (r *Row) Record(pending bool) (media.Record, error) {
	id, err := media.ParseID(r.ID)
	if err != nil {
		return media.Record{}, fmt.Errorf("catalogue row: %w", err)
	}
	rec := media.Record{
		Recording: media.Recording{
			ID: id, Stream: r.Stream, Pipeline: r.Pipeline, Path: r.Path, State: media.State(r.State),
			StartUTC: r.StartNS, EndUTC: r.EndNS, DurationNS: r.DurationNS, SizeBytes: r.SizeBytes,
			EndReason: media.Cause(r.EndReason), Protected: r.Protected != 0,
			Gap: media.Gap{Cause: media.Cause(r.GapCause), DurationNS: r.GapNS, Chunks: r.GapChunks, StepNS: r.GapStepNS},
		},
		Node: r.Node, Revision: max(r.Revision, r.ProtectedRev), Pending: pending,
	}
	if err := json.Unmarshal(r.Tracks, &rec.Tracks); err != nil {
		return media.Record{}, fmt.Errorf("catalogue row %s: tracks: %w", r.ID, err)
	}
	if rec.Events, err = r.NamedEvents(); err != nil {
		return media.Record{}, err
	}
	if err := r.unlist("gaps", r.Gaps, &rec.Gaps); err != nil {
		return media.Record{}, err
	}
	if err := r.unlist("anchors", r.Anchors, &rec.Anchors); err != nil {
		return media.Record{}, err
	}
	return rec, nil
}
