package api

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

type statusAnswer struct {
	Status         string          `json:"status" enum:"success"`
	Stream         string          `json:"stream"`
	Recording      bool            `json:"recording"`
	State          string          `json:"state" doc:"idle, held, armed, connecting, waiting, recording, finishing, backoff"`
	Waiting        string          `json:"waiting_for,omitempty"`
	Pipeline       string          `json:"pipeline,omitempty"`
	File           string          `json:"file,omitempty" doc:"the open file, else the last one; below the record directory"`
	StartedAt      *string         `json:"started_at,omitempty" format:"date-time"`
	StopsAt        *string         `json:"stops_at,omitempty" format:"date-time"`
	Bytes          int64           `json:"bytes" doc:"written to the open file"`
	TotalBytes     int64           `json:"total_bytes" doc:"written in this run"`
	AccessUnits    uint64          `json:"access_units"`
	Segments       uint64          `json:"segments"`
	LastAccessUnit *string         `json:"last_access_unit,omitempty" format:"date-time" doc:"received"`
	LastWritten    *string         `json:"last_written,omitempty" format:"date-time" doc:"a kill of the process loses nothing up to here"`
	LastDurable    *string         `json:"last_durable,omitempty" format:"date-time" doc:"a power cut loses nothing up to here"`
	Drops          []pipeline.Drop `json:"drops" doc:"media that was left out: by stage ingest from the stream's source, by the other stages in this run"`
	Repairs        []media.Repair  `json:"repairs,omitempty" doc:"repairs in the stream, by cause: no picture was lost"`
	Gaps           uint64          `json:"gaps"`
	LastError      string          `json:"last_error,omitempty"`
	Unrecorded     []string        `json:"unrecorded,omitempty" doc:"codecs of received tracks that cannot be recorded"`
	Warnings       []string        `json:"warnings,omitempty" doc:"where the recording falls short of its settings"`
	Problems       []problemAnswer `json:"problems,omitempty" doc:"present problems"`
	Ring           *ringAnswer     `json:"ring,omitempty"`
	Finish         *finishAnswer   `json:"finish,omitempty" doc:"cost of finishing the last file"`
}

type problemAnswer struct {
	Problem string  `json:"problem" doc:"stable word for programs, such as restart_needed: settings have changed in the file and wait for a restart"`
	Since   *string `json:"since" format:"date-time"`
	Stream  string  `json:"stream,omitempty"`
	Cause   string  `json:"cause"`
	Remedy  string  `json:"remedy"`
}

type ringAnswer struct {
	Bytes    int64   `json:"bytes"`
	MaxBytes int64   `json:"max_bytes"`
	Seconds  float64 `json:"seconds"`
	Chunks   int     `json:"chunks"`
}

type finishAnswer struct {
	File         string  `json:"file"`
	BytesWritten int64   `json:"bytes_written"`
	FileBytes    int64   `json:"file_bytes"`
	Seconds      float64 `json:"seconds"`
}

type listAnswer struct {
	Status     string   `json:"status" enum:"success"`
	Recordings []string `json:"recordings"`
	Count      int      `json:"count" doc:"recordings in this answer"`
	nextName
}

func (s *Server) status(w http.ResponseWriter, r *request) error {
	stream := strings.TrimPrefix(r.params.ByName("stream_path"), "/")
	if err := streampath.CheckStored(stream); err != nil {
		return BadRequest("%v", err)
	}
	st, known := s.deps.Recorder.Stream(stream)
	info, _ := s.deps.Streams.Info(stream)
	// A stream with an Origin has a publisher, although its tracks may not be known yet: it has a
	// status, too.
	if !known && info.Origin == "" && !s.seen(stream) {
		return NotFound("stream %q is neither live, configured nor recorded: GET /mp4/streams lists what there is", stream)
	}
	answer(w, http.StatusOK, s.describe(st, info))
	return nil
}

func (s *Server) describe(st recorder.StreamStatus, info media.StreamInfo) statusAnswer {
	rep := &st.Report
	a := statusAnswer{
		Status: "success",
		Stream: st.Stream, Recording: st.Recording, State: st.State, Waiting: rep.Waiting, Pipeline: st.Pipeline,
		File: s.below(rep.File), StartedAt: utc(rep.StartedAt), StopsAt: utc(s.today(st.Until)),
		Bytes: rep.Bytes, TotalBytes: rep.TotalBytes, AccessUnits: rep.AccessUnits, Segments: rep.Segments,
		LastAccessUnit: utc(rep.LastAccessUnit), LastWritten: utc(rep.LastWritten), LastDurable: utc(rep.LastDurable),
		Drops: orEmpty(slices.Concat(ingestDrops(info.Losses), rep.Drops)), Repairs: info.Repairs, Gaps: rep.Gaps, LastError: s.shown.Text(rep.LastError),
		Unrecorded: info.Unrecorded,
	}
	for _, text := range rep.Warnings {
		a.Warnings = append(a.Warnings, s.shown.Text(text))
	}
	for _, p := range slices.Concat(s.deps.Streams.Problems(st.Stream), rep.Problems) {
		a.Problems = append(a.Problems, s.problem(st.Stream, p))
	}
	if rep.RingMaxBytes > 0 {
		a.Ring = &ringAnswer{rep.RingBytes, rep.RingMaxBytes, rep.RingSpan.Seconds(), rep.RingChunks}
	}
	if f := rep.Finish; f.File != "" {
		a.Finish = &finishAnswer{s.below(f.File), f.BytesWritten, f.FileBytes, f.Took.Round(time.Microsecond).Seconds()}
	}
	return a
}

// today returns the time on the present wall clock that is as far from now as t by the monotonic
// clock. t has a monotonic clock reading. So the result stays right if the wall clock was set since t
// was made. today returns the zero time for the zero time.
func (s *Server) today(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	now := s.deps.Clock.Now()
	return now.Add(t.Sub(now))
}

// problem returns a problem as a client may see it: without paths of the machine, and without the
// passwords and paths of URLs.
func (s *Server) problem(stream string, p pipeline.Problem) problemAnswer {
	return problemAnswer{p.Problem, utc(p.Since), stream, s.shown.Text(p.Cause), s.shown.Text(p.Remedy)}
}

// below returns the path of a file relative to the record directory. For a file outside of the record
// directory it returns the base name.
func (s *Server) below(file string) string {
	if !filepath.IsAbs(file) {
		return strings.TrimPrefix(file, "./")
	}
	rel, err := filepath.Rel(s.cfg.RecordDir, file)
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.Base(file)
	}
	return filepath.ToSlash(rel)
}

func (s *Server) list(w http.ResponseWriter, r *request) error {
	names := slices.Sorted(slices.Values(s.deps.Recorder.Recording()))
	page, end, err := pageByName(r, names, func(i int) string { return names[i] })
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, listAnswer{"success", page, len(page), end})
	return nil
}

// orEmpty returns list, or an empty list if it is nil: JSON then has [] instead of null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
