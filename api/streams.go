package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

type streamsAnswer struct {
	Status  string         `json:"status" enum:"success"`
	Streams []streamAnswer `json:"streams"`
	Count   int            `json:"count" doc:"in this answer"`
	nextName
}

type streamAnswer struct {
	Path           string            `json:"path"`
	State          string            `json:"state" doc:"live, connecting, waiting, configured; offline: it was there, and is listed until it is forgotten"`
	Configured     bool              `json:"configured"`
	Recording      bool              `json:"recording" doc:"as in its status"`
	RecordingState string            `json:"recording_state" doc:"the state of its status: idle, armed, connecting, waiting, recording, finishing, backoff"`
	Origin         string            `json:"origin,omitempty" doc:"of the publisher"`
	Pull           string            `json:"pull,omitempty" doc:"scheme and host of where it is pulled from"`
	Tracks         []media.TrackInfo `json:"tracks"`
	Unrecorded     []string          `json:"unrecorded,omitempty" doc:"codecs of tracks that come in but cannot be recorded"`
	Bytes          uint64            `json:"bytes"`
	AccessUnits    uint64            `json:"access_units"`
	LastAccessUnit *string           `json:"last_access_unit,omitempty" format:"date-time" doc:"of a stream that is offline: when it was seen last, to ten seconds"`
	Drops          []pipeline.Drop   `json:"drops"`
	Repairs        []media.Repair    `json:"repairs,omitempty" doc:"what was put right, by cause: no picture was lost by it"`
	Problems       []problemAnswer   `json:"problems,omitempty" doc:"what is wrong now"`
	Refused        uint64            `json:"refused_publishers" doc:"because the path had one that was sending"`
	Subscribers    int               `json:"subscribers"`
	PullFailed     uint64            `json:"pull_failures,omitempty" doc:"how often the connection to where it is pulled from failed or ended"`
	LastError      string            `json:"last_error,omitempty" doc:"of the last pull that failed; it stays when the next one works"`
}

func (s *Server) streams(w http.ResponseWriter, r *request) error {
	list := s.known()
	name := func(i int) string { return list[i].Path }
	from, n, err := namesBehind(r, len(list), name)
	if err != nil {
		return err
	}
	a := streamsAnswer{Status: "success", Streams: make([]streamAnswer, n)}
	for i := range n {
		st := &list[from+i]
		recorded, _ := s.deps.Recorder.Stream(st.Path)
		a.Streams[i] = streamAnswer{
			Path: st.Path, State: st.State, Configured: st.Configured, Recording: recorded.Recording, RecordingState: cmp.Or(recorded.State, "idle"),
			Origin: s.shown.Text(st.Origin), Pull: config.NewURL(st.Pull).String(),
			Tracks: orEmpty(st.Tracks), Unrecorded: st.Unrecorded, Bytes: st.Bytes, AccessUnits: st.AccessUnits,
			LastAccessUnit: utc(st.LastAccessUnit), Drops: orEmpty(ingestDrops(st.Losses)), Repairs: st.Repairs, Refused: st.Refused,
			Subscribers: st.Subscribers, PullFailed: st.PullFailed, LastError: s.shown.Text(st.LastError),
		}
		for _, p := range s.deps.Streams.Problems(st.Path) {
			a.Streams[i].Problems = append(a.Streams[i].Problems, s.problem(st.Path, p))
		}
	}
	a.Streams, a.nextName = pageByName(a.Streams, from, len(list), name)
	a.Count = len(a.Streams)
	answer(w, http.StatusOK, a)
	return nil
}

// known lists the streams that are there or configured, and those that were, by path.
func (s *Server) known() []media.StreamInfo {
	list := s.deps.Streams.List()
	if s.deps.Seen == nil {
		return list
	}
	there := map[string]bool{}
	for i := range list {
		there[list[i].Path] = true
	}
	for _, st := range s.deps.Seen.Remembered() {
		if !there[st.Path] {
			list = append(list, st)
		}
	}
	slices.SortFunc(list, func(a, b media.StreamInfo) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func (s *Server) seen(stream string) bool { return s.deps.Seen != nil && s.deps.Seen.Seen(stream) }

type forgottenAnswer struct {
	Status string `json:"status" enum:"forgotten"`
	Stream string `json:"stream"`
}

// forget takes a stream that is offline out of the list. Its recordings stay.
func (s *Server) forget(w http.ResponseWriter, r *request) error {
	stream := strings.TrimPrefix(r.params.ByName("stream_path"), "/")
	if err := streampath.CheckStored(stream); err != nil {
		return BadRequest("%v", err)
	}
	if _, there := s.deps.Streams.Info(stream); there {
		return Conflict("stream %q is live, configured or waited for: only one that is offline can be forgotten", stream)
	}
	if s.deps.Seen == nil || !s.deps.Seen.Forget(stream) {
		return NotFound("stream %q is not known: GET /mp4/streams lists what there is", stream)
	}
	s.did(r, "forget", "stream", stream)
	answer(w, http.StatusOK, forgottenAnswer{"forgotten", stream})
	return nil
}

// ingestDrops are the losses of a stream beside those of the stages.
func ingestDrops(list []media.Loss) (out []pipeline.Drop) {
	for _, l := range list {
		out = append(out, pipeline.Drop{Stage: "ingest", Cause: l.Cause, AccessUnits: l.Count})
	}
	return out
}
