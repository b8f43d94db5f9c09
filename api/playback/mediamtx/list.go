package mediamtx

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// entry is a span in the answer with the list.
type entry struct {
	Start    string  `json:"start"`    // RFC 3339
	Duration float64 `json:"duration"` // seconds
	URL      string  `json:"url"`
}

// maxPageBytes bounds the lists of a page's recordings, maxLists the lists that are made at once.
const (
	maxPageBytes = 1 << 20
	maxLists     = 2
)

// list answers with the spans of a stream that have footage.
func (s *Server) list(w http.ResponseWriter, r *http.Request, path string, v url.Values, scheme string) error {
	startUTC, endUTC, err := readBounds(v)
	if err != nil {
		return err
	}
	select {
	case s.lists <- struct{}{}:
		defer func() { <-s.lists }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	out := &listWriter{w: w, base: url.URL{Scheme: scheme, Host: r.Host, Path: "/get"}, path: path}
	out.to = bufio.NewWriterSize(playback.Stream(w, s.Player.Stall), 32<<10)
	j := joiner{bounds: clip.Span{StartUTC: startUTC, EndUTC: endUTC}, settled: s.Player.Settled, emit: out.put}
	if err := s.each(r, path, &j); err != nil {
		if out.count > 0 {
			panic(http.ErrAbortHandler) // the client must not take the list for complete
		}
		return err
	}
	if out.count == 0 {
		return errNone
	}
	out.to.WriteByte(']')
	_ = out.to.Flush() // an error means that the client has left
	return nil
}

// each passes the recordings of a stream to a joiner.
func (s *Server) each(r *http.Request, path string, j *joiner) error {
	q := media.Query{Stream: path, Ascending: true, Limit: media.MaxLimit, MaxBytes: maxPageBytes}
	q.Start, q.End = bound(j.bounds.StartUTC), bound(j.bounds.EndUTC)
	for {
		page, err := s.Player.Catalogue.Records(r.Context(), q)
		if err != nil {
			return err
		}
		if err := j.add(page.Records); err != nil {
			return err
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return j.flush()
		}
	}
}

// bound returns a bound of a query to the catalogue: the zero time for an interval without this bound.
func bound(utc int64) time.Time {
	if utc == unboundedStart || utc == unboundedEnd {
		return time.Time{}
	}
	return time.Unix(0, utc)
}

// listWriter writes the JSON of a list, one span at a time.
type listWriter struct {
	w     http.ResponseWriter
	to    *bufio.Writer
	base  url.URL // of /get
	path  string
	count int
}

// target returns the URL of the footage of a span.
func (l *listWriter) target(s span) string {
	u := l.base
	u.RawQuery = url.Values{
		"path": {l.path}, "start": {formatTime(s.startUTC)}, "duration": {strconv.FormatFloat(seconds(s), 'f', -1, 64)},
	}.Encode()
	return u.String()
}

func formatTime(utc int64) string { return time.Unix(0, utc).UTC().Format(time.RFC3339Nano) }

func seconds(s span) float64 { return time.Duration(s.endUTC - s.startUTC).Seconds() }

// put writes a span. The first one begins the answer.
func (l *listWriter) put(s span) error {
	text, err := json.Marshal(entry{formatTime(s.startUTC), seconds(s), l.target(s)})
	if err != nil {
		return err
	}
	if l.count++; l.count == 1 {
		l.w.Header().Set("Content-Type", "application/json; charset=utf-8")
		l.to.WriteByte('[')
	} else {
		l.to.WriteByte(',')
	}
	_, err = l.to.Write(text)
	return err
}
