package hls

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The names of the playlists, below the path of a stream.
const (
	MasterName = "index.m3u8"
	MediaName  = "media.m3u8"
	KeysName   = "iframes.m3u8"
)

// Serve answers a request with the playlist of a name: MasterName, MediaName or KeysName. It returns an error if it
// has not answered.
func (l *Lists) Serve(w http.ResponseWriter, r *http.Request, q Request, name string) error {
	list, err := l.Playlist(r.Context(), q)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/vnd.apple.mpegurl")
	h.Set("Cache-Control", "no-cache")
	out := &answer{w, http.NewResponseController(w).SetWriteDeadline, l.Stall}
	switch q.Event, q.First = list.Event, list.First; name {
	case MasterName:
		err = list.WriteMaster(out, MediaName+"?"+q.query(), KeysName+"?"+q.query())
	case MediaName:
		err = list.WriteMedia(out)
	default:
		err = list.WriteKeys(out)
	}
	var cut *CutError
	if errors.As(err, &cut) {
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
	if err != nil {
		h.Del("Content-Type")
	}
	return err
}

// query returns the query of the media playlists of a request.
func (q *Request) query() string {
	v := url.Values{"start": {moment(q.Span.StartUTC)}, "segment": {strconv.FormatFloat(time.Duration(q.SegmentNS).Seconds(), 'f', -1, 64)}}
	if !q.Open {
		v.Set("end", moment(q.Span.EndUTC))
	}
	if q.KeepGaps {
		v.Set("gaps", "keep")
	}
	if q.Span.Pipeline != "" {
		v.Set("pipeline", q.Span.Pipeline)
	}
	if q.Event {
		v.Set("event", "true")
		v.Set("first", q.First.String())
	}
	return v.Encode()
}

func moment(utc int64) string { return time.Unix(0, utc).UTC().Format(time.RFC3339Nano) }

// answer extends the write deadline as long as the client reads.
type answer struct {
	io.Writer
	deadline func(time.Time) error
	stall    time.Duration
}

func (a *answer) Write(b []byte) (int, error) {
	_ = a.deadline(time.Now().Add(a.stall)) // not every writer supports it
	return a.Writer.Write(b)
}
