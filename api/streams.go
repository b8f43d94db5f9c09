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
	Count   int            `json:"count" doc:"streams in this answer"`
	nextName
}

type streamAnswer struct {
	Path           string            `json:"path"`
	State          string            `json:"state" doc:"live, connecting, waiting, configured; offline: it was live before, and is listed until it is deleted from the list"`
	Configured     bool              `json:"configured"`
	Recording      bool              `json:"recording" doc:"as in its status"`
	RecordingState string            `json:"recording_state" doc:"the state of its status: idle, held, armed, connecting, waiting, recording, finishing, backoff"`
	Origin         string            `json:"origin,omitempty" doc:"of the publisher"`
	Pull           string            `json:"pull,omitempty" doc:"scheme and host of its pull URL"`
	Tracks         []media.TrackInfo `json:"tracks"`
	Unrecorded     []string          `json:"unrecorded,omitempty" doc:"codecs of received tracks that cannot be recorded"`
	Bytes          uint64            `json:"bytes"`
	AccessUnits    uint64            `json:"access_units"`
	LastAccessUnit *string           `json:"last_access_unit,omitempty" format:"date-time" doc:"also of an offline stream; after a crash of spool it may be too old"`
	Drops          []pipeline.Drop   `json:"drops"`
	Repairs        []media.Repair    `json:"repairs,omitempty" doc:"repairs, by cause: no picture was lost"`
	Problems       []problemAnswer   `json:"problems,omitempty" doc:"present problems"`
	Refused        uint64            `json:"refused_publishers" doc:"publishers refused because the path had one that was sending"`
	Subscribers    int               `json:"subscribers"`
	PullFailed     uint64            `json:"pull_failures,omitempty" doc:"number of pulls that failed or ended"`
	LastError      string            `json:"last_error,omitempty" doc:"error of the last failed pull; it stays when the next one works"`
}

func (s *Server) streams(w http.ResponseWriter, r *request) error {
	paths, describe := s.known()
	a := streamsAnswer{Status: "success"}
	var err error
	a.Streams, a.nextName, err = pageByName(r, paths, func(i int) streamAnswer { return s.stream(describe(paths[i])) })
	if err != nil {
		return err
	}
	a.Count = len(a.Streams)
	answer(w, http.StatusOK, a)
	return nil
}

// known returns the sorted paths of the live, configured and remembered streams, and a function that
// describes the stream of a path. A stream that has left since is described as offline.
func (s *Server) known() (paths []string, describe func(path string) media.StreamInfo) {
	paths = s.deps.Streams.Paths()
	remembered := map[string]media.StreamInfo{}
	if s.deps.Seen != nil {
		for _, st := range s.deps.Seen.Remembered() {
			remembered[st.Path] = st
			paths = append(paths, st.Path)
		}
		slices.Sort(paths)
		paths = slices.Compact(paths)
	}
	return paths, func(path string) media.StreamInfo {
		if st, there := s.deps.Streams.Info(path); there {
			return st
		}
		if st, was := remembered[path]; was {
			return st
		}
		return media.StreamInfo{Path: path, State: "offline"}
	}
}

// stream returns the description of a stream and its recording in an answer.
func (s *Server) stream(st media.StreamInfo) streamAnswer {
	recorded, _ := s.deps.Recorder.Stream(st.Path)
	a := streamAnswer{
		Path: st.Path, State: st.State, Configured: st.Configured, Recording: recorded.Recording, RecordingState: cmp.Or(recorded.State, "idle"),
		Origin: s.shown.Text(st.Origin), Pull: config.NewURL(st.Pull).String(),
		Tracks: orEmpty(st.Tracks), Unrecorded: st.Unrecorded, Bytes: st.Bytes, AccessUnits: st.AccessUnits,
		LastAccessUnit: utc(st.LastAccessUnit), Drops: orEmpty(ingestDrops(st.Losses)), Repairs: st.Repairs, Refused: st.Refused,
		Subscribers: st.Subscribers, PullFailed: st.PullFailed, LastError: s.shown.Text(st.LastError),
	}
	for _, p := range s.deps.Streams.Problems(st.Path) {
		a.Problems = append(a.Problems, s.problem(st.Path, p))
	}
	return a
}

func (s *Server) seen(stream string) bool { return s.deps.Seen != nil && s.deps.Seen.Seen(stream) }

type forgottenAnswer struct {
	Status string `json:"status" enum:"forgotten"`
	Stream string `json:"stream"`
}

// forget removes an offline stream from the list of streams. The recordings of the stream stay.
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

// ingestDrops converts the losses of a stream's publisher to drops of a stage named ingest, for a list
// with the drops of the pipeline's stages.
func ingestDrops(list []media.Loss) (out []pipeline.Drop) {
	for _, l := range list {
		out = append(out, pipeline.Drop{Stage: "ingest", Cause: l.Cause, AccessUnits: l.Count})
	}
	return out
}
