package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/retained"
	"github.com/gospool/spool/pipeline/wallclock"
)

// Retention shows the state of retention and accepts an operator's confirmation.
type Retention interface {
	// Plan returns the next deletions, in order, and deletes nothing.
	Plan(ctx context.Context) (*retained.Plan, error)
	// Confirm records an operator's confirmation that the clock is right, and lets retention delete
	// the recordings that have expired by this clock. It returns a summary of these recordings, nil
	// if there are none. The error is retained.ErrNothingHeld if the clock is believed already and
	// no mass expiry waits for a confirmation; wallclock.ErrWrong if the clock cannot be right.
	Confirm() (*retained.Held, error)
}

var retentionParams = []params.Param{
	{Name: "dry_run", Kind: params.Flag, Doc: "true is the only value: the request deletes nothing"},
}

type retentionAnswer struct {
	Status      string           `json:"status" enum:"success"`
	Active      bool             `json:"active" doc:"a limit is configured"`
	DiskBytes   int64            `json:"disk_bytes"`
	UsedBytes   int64            `json:"used_bytes" doc:"used on the disk by all files"`
	HighBytes   int64            `json:"high_bytes,omitempty" doc:"limit of used_bytes"`
	LowBytes    int64            `json:"low_bytes,omitempty" doc:"used_bytes after a deletion"`
	Bytes       int64            `json:"bytes" doc:"size of all recordings"`
	BytesPerDay int64            `json:"bytes_per_day" doc:"growth of the recordings in the last day; 0 when the newest stream is known for less than an hour"`
	FullAt      *string          `json:"full_at,omitempty" format:"date-time" doc:"when high_bytes or the size of the disk is reached at this rate"`
	Now         []evictionAnswer `json:"now" doc:"files that would be deleted now, in this order; the first 1000"`
	NowTotal    int              `json:"now_total,omitempty" doc:"number of all of them; absent when the list has all"`
	Next        []evictionAnswer `json:"next" doc:"files that would follow when space is needed; the first 100"`
	Held        *expiredAnswer   `json:"held,omitempty" doc:"expired files that are not deleted yet; absent: none"`
	Waiting     []evictionAnswer `json:"waiting" doc:"expired files that are not deleted yet; the first 100"`
	Clock       clockAnswer      `json:"clock"`
	Kept        []keptFiles      `json:"kept" doc:"files that are never deleted, by reason"`
	Streams     []keepsAnswer    `json:"streams" doc:"the first 1000"`
	StreamTotal int              `json:"streams_total,omitempty" doc:"number of all of them; absent when the list has all"`
	Stopped     []stoppedAnswer  `json:"stopped" doc:"streams whose recording was stopped because the disk is full and nothing may be deleted; the first 1000"`
	LastError   string           `json:"last_error,omitempty"`
}

type expiredAnswer struct {
	Cause  string  `json:"cause" enum:"clock,mass_expiry" doc:"clock: the clock is not trusted yet; mass_expiry: too much has expired at once, see retention.mass_expiry"`
	Why    string  `json:"why"`
	Files  int     `json:"files"`
	Bytes  int64   `json:"bytes"`
	Oldest *string `json:"oldest" format:"date-time" doc:"end of the oldest recording among them"`
	Newest *string `json:"newest" format:"date-time"`
	Clock  *string `json:"clock" format:"date-time" doc:"the time by which they have expired"`
	Since  *string `json:"since" format:"date-time"`
	Until  *string `json:"until,omitempty" format:"date-time" doc:"when they are deleted without a confirmation, if the recorder runs until then and the clock is not set; absent: unknown, or never"`
}

type clockAnswer struct {
	State string  `json:"state" enum:"believed,unproven,doubtful,wrong" doc:"nothing expires unless the clock is believed"`
	Why   string  `json:"why,omitempty" doc:"why the clock is not believed"`
	Now   *string `json:"now" format:"date-time"`
}

type confirmAnswer struct {
	Status string  `json:"status" enum:"confirmed"`
	Files  int     `json:"files" doc:"expired files that are deleted now, unless they are protected or being read"`
	Bytes  int64   `json:"bytes"`
	Oldest *string `json:"oldest,omitempty" format:"date-time"`
	Newest *string `json:"newest,omitempty" format:"date-time"`
}

type evictionAnswer struct {
	ID     string  `json:"id,omitempty" format:"uuid"`
	File   string  `json:"file_path"`
	Stream string  `json:"stream_path,omitempty"`
	Start  *string `json:"start_time,omitempty" format:"date-time"`
	Size   int64   `json:"size"`
	Class  string  `json:"class" enum:"orphan,expired,footage,event"`
	Cause  string  `json:"cause" doc:"the setting that requires the deletion; room: none yet"`
}

type keptFiles struct {
	Reason string `json:"reason" doc:"protected, being_written, keep_at_least, not_ours"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
}

type keepsAnswer struct {
	Stream         string  `json:"stream_path"`
	Priority       int     `json:"priority"`
	Files          int     `json:"files"`
	Bytes          int64   `json:"bytes"`
	ProtectedBytes int64   `json:"protected_bytes"`
	Oldest         *string `json:"oldest,omitempty" format:"date-time" doc:"start of the oldest unprotected recording"`
	Newest         *string `json:"newest,omitempty" format:"date-time"`
	Days           float64 `json:"days" doc:"how far back the unprotected recordings reach"`
	BytesPerDay    int64   `json:"bytes_per_day"`
}

type stoppedAnswer struct {
	Stream string  `json:"stream_path"`
	Since  *string `json:"since" format:"date-time"`
}

// Claim reserves a file for deletion: until the caller calls release, requests for the file get
// Conflict. name is the file's path below the record directory. ok is false, and release nil, while a
// client reads the file, for playback.Patience at most, while an export reads it, or another caller deletes it.
func (s *Server) Claim(name string) (release func(), ok bool) {
	name = strings.TrimSuffix(name, media.PartSuffix)
	if !s.readers.Claim(name, s.deps.Clock.Now()) {
		return nil, false
	}
	return func() { s.readers.Release(name) }, true
}

func (s *Server) retention(w http.ResponseWriter, r *request) error {
	really := r.query.Has("dry_run") && !r.query.Flag("dry_run")
	if r.query.Err != nil {
		return r.query.Err
	}
	if really {
		return BadRequest("parameter dry_run: false is not possible, this request deletes nothing: leave it out; retention deletes by itself")
	}
	if s.deps.Retention == nil {
		return Unavailable("retention is not running here")
	}
	p, err := s.deps.Retention.Plan(r.Context())
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, s.retentionPlan(p))
	return nil
}

// confirmRetention passes an operator's confirmation of the clock to retention, which then deletes the
// expired recordings.
func (s *Server) confirmRetention(w http.ResponseWriter, r *request) error {
	if s.deps.Retention == nil {
		return Unavailable("retention is not running here")
	}
	h, err := s.deps.Retention.Confirm()
	if errors.Is(err, retained.ErrNothingHeld) || errors.Is(err, wallclock.ErrWrong) {
		return Conflict("%s", err)
	}
	if err != nil {
		return err
	}
	a := confirmAnswer{Status: "confirmed"}
	if h != nil {
		a.Files, a.Bytes, a.Oldest, a.Newest = h.Count.Files, h.Count.Bytes, utc(h.Oldest), utc(h.Newest)
	}
	s.did(r, "confirm expiry", "files", a.Files, "bytes", a.Bytes)
	answer(w, http.StatusOK, a)
	return nil
}

func (s *Server) retentionPlan(p *retained.Plan) retentionAnswer {
	streams, stopped := first(p.Streams), first(p.Stopped)
	a := retentionAnswer{
		NowTotal: further(p.Now), StreamTotal: further(p.Streams),
		Status: "success", Active: p.Active, DiskBytes: p.DiskBytes, UsedBytes: p.UsedBytes, HighBytes: p.HighBytes, LowBytes: p.LowBytes,
		Bytes: p.Bytes, BytesPerDay: p.BytesPerDay, FullAt: utc(p.FullAt), LastError: s.shown.Text(p.LastError),
		Now: evictions(first(p.Now)), Next: evictions(p.Next), Waiting: evictions(p.Waiting), Kept: make([]keptFiles, len(p.Kept)),
		Streams: make([]keepsAnswer, len(streams)), Stopped: make([]stoppedAnswer, len(stopped)),
		Clock: clockAnswer{string(p.Clock.State), s.shown.Text(p.Clock.Why), utc(p.Clock.Now)},
	}
	if h := p.Held; h != nil {
		a.Held = &expiredAnswer{
			string(h.Cause), s.shown.Text(h.Why), h.Count.Files, h.Count.Bytes,
			utc(h.Oldest), utc(h.Newest), utc(h.Clock), utc(h.Since), utc(h.Until),
		}
	}
	for i, k := range p.Kept {
		a.Kept[i] = keptFiles{string(k.Reason), k.Count.Files, k.Count.Bytes}
	}
	for i := range streams {
		k := &streams[i]
		a.Streams[i] = keepsAnswer{
			k.Stream, k.Priority, k.Count.Files, k.Count.Bytes, k.Protected.Bytes,
			utc(k.Oldest), utc(k.Newest), k.Keeps.Hours() / 24, k.BytesPerDay,
		}
	}
	for i, halted := range stopped {
		a.Stopped[i] = stoppedAnswer{halted.Stream, utc(halted.Since)}
	}
	return a
}

func evictions(list []retained.Eviction) []evictionAnswer {
	out := make([]evictionAnswer, len(list))
	for i := range list {
		e := &list[i]
		out[i] = evictionAnswer{File: e.Path, Stream: e.Stream, Start: utcNano(e.StartUTC), Size: e.SizeBytes, Class: string(e.Class), Cause: e.Cause}
		if e.ID != (media.ID{}) {
			out[i].ID = e.ID.String()
		}
	}
	return out
}
