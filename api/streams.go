package api

import (
	"net/http"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

type streamsAnswer struct {
	Status  string         `json:"status" enum:"success"`
	Streams []streamAnswer `json:"streams"`
	Count   int            `json:"count" doc:"in this answer"`
	nextName
}

type streamAnswer struct {
	Path           string            `json:"path"`
	State          string            `json:"state" doc:"live, connecting, waiting, configured"`
	Configured     bool              `json:"configured"`
	Recording      bool              `json:"recording"`
	Origin         string            `json:"origin,omitempty" doc:"of the publisher"`
	Pull           string            `json:"pull,omitempty" doc:"scheme and host of where it is pulled from"`
	Tracks         []media.TrackInfo `json:"tracks"`
	Unrecorded     []string          `json:"unrecorded,omitempty" doc:"codecs of tracks that come in but cannot be recorded"`
	Bytes          uint64            `json:"bytes"`
	AccessUnits    uint64            `json:"access_units"`
	LastAccessUnit *string           `json:"last_access_unit,omitempty" format:"date-time"`
	Drops          []pipeline.Drop   `json:"drops"`
	Repairs        []media.Repair    `json:"repairs,omitempty" doc:"what was put right, by cause: no picture was lost by it"`
	Problems       []problemAnswer   `json:"problems,omitempty" doc:"what is wrong now"`
	Refused        uint64            `json:"refused_publishers" doc:"because the path had one that was sending"`
	Subscribers    int               `json:"subscribers"`
	PullFailed     uint64            `json:"pull_failures,omitempty" doc:"how often the connection to where it is pulled from failed or ended"`
	LastError      string            `json:"last_error,omitempty" doc:"of the last pull that failed; it stays when the next one works"`
}

func (s *Server) streams(w http.ResponseWriter, r *request) error {
	list := s.deps.Streams.List()
	name := func(i int) string { return list[i].Path }
	from, n, err := namesBehind(r, len(list), name)
	if err != nil {
		return err
	}
	recording := map[string]bool{}
	for _, p := range s.deps.Recorder.Recording() {
		recording[p] = true
	}
	a := streamsAnswer{Status: "success", Streams: make([]streamAnswer, n)}
	for i := range n {
		st := &list[from+i]
		a.Streams[i] = streamAnswer{
			Path: st.Path, State: st.State, Configured: st.Configured, Recording: recording[st.Path],
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

// ingestDrops are the losses of a stream beside those of the stages.
func ingestDrops(list []media.Loss) (out []pipeline.Drop) {
	for _, l := range list {
		out = append(out, pipeline.Drop{Stage: "ingest", Cause: l.Cause, AccessUnits: l.Count})
	}
	return out
}
