package api

import (
	"net/http"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/recorder"
)

var startParams = []params.Param{
	{Name: "wait", Kind: params.Flag, Doc: "arm the recording: it begins when the stream appears"},
	{Name: "duration", Kind: params.Duration, Doc: "stop after this time: seconds or a Go duration"},
}

type startAnswer struct {
	Status string `json:"status" enum:"started,already_recording"`
	Stream string `json:"stream"`
}

type stopAnswer struct {
	Status string `json:"status" enum:"stopped,not_recording"`
	Stream string `json:"stream"`
}

func (s *Server) start(w http.ResponseWriter, r *request) error {
	stream, err := streamPath(r.params.ByName("stream_path"))
	if err != nil {
		return err
	}
	o := recorder.StartOptions{Wait: r.query.Flag("wait"), Duration: r.query.Duration("duration")}
	if r.query.Err != nil {
		return r.query.Err
	}
	already, err := s.deps.Recorder.Start(r.Context(), stream, o)
	if err != nil {
		return err
	}
	a := startAnswer{"started", stream}
	if already {
		a.Status = "already_recording"
	}
	s.did(r, "start", "stream", stream, "status", a.Status)
	answer(w, http.StatusOK, a)
	return nil
}

func (s *Server) stop(w http.ResponseWriter, r *request) error {
	stream, err := streamPath(r.params.ByName("stream_path"))
	if err != nil {
		return err
	}
	was, err := s.deps.Recorder.Stop(r.Context(), stream)
	if err != nil {
		return err
	}
	a := stopAnswer{"stopped", stream}
	if !was {
		a.Status = "not_recording"
	}
	s.did(r, "stop", "stream", stream, "status", a.Status)
	answer(w, http.StatusOK, a)
	return nil
}

// did logs that the caller of a request has done the action act, with the caller's name and address.
// attrs are pairs of a key and a value, as of slog.Logger.Info.
func (s *Server) did(r *request, act string, attrs ...any) {
	s.deps.Log.Info("api: "+act, append(attrs, "by", r.who.Name, "remote", r.RemoteAddr)...)
}
