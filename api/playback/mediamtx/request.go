package mediamtx

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/play"
	"github.com/gospool/spool/pipeline/streampath"
)

// fault is an error that the client gets as {"status":"error","error":TEXT}.
type fault struct {
	code int
	text string
}

func (f *fault) Error() string { return f.text }

func invalid(format string, args ...any) error {
	return &fault{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// errNone is MediaMTX's answer for a span without footage.
var errNone = &fault{http.StatusNotFound, "no recording segments found"}

// readPath returns the stream of a query.
func readPath(v url.Values) (string, error) {
	path := v.Get("path")
	if path == "" {
		return "", invalid("invalid path name: cannot be empty ()")
	}
	if err := streampath.CheckOne(path); err != nil {
		return "", invalid("invalid path name: %v (%.255s)", err, path)
	}
	return path, nil
}

// readBounds returns the interval of a request for a list, ns UTC. Without start or end it has no bound there.
func readBounds(v url.Values) (startUTC, endUTC int64, err error) {
	startUTC, endUTC = unboundedStart, unboundedEnd
	if text := v.Get("start"); text != "" {
		if startUTC, err = readTime("start", text); err != nil {
			return 0, 0, err
		}
	}
	if text := v.Get("end"); text != "" {
		if endUTC, err = readTime("end", text); err != nil {
			return 0, 0, err
		}
	}
	if endUTC <= startUTC {
		return 0, 0, invalid("invalid end: it is not after start")
	}
	return startUTC, endUTC, nil
}

// readGet returns the request for footage in a query. The span of a redirect (play.Player) has an end and a pin instead of a duration.
func readGet(v url.Values) (q play.Request, err error) {
	q = play.Request{Unbroken: true, Direct: true}
	q.Options.Split = true
	if q.Span.StartUTC, err = readTime("start", v.Get("start")); err != nil {
		return q, err
	}
	if !v.Has("duration") && v.Has("end") {
		q.Span.EndUTC, err = readTime("end", v.Get("end"))
	} else {
		q.Span.EndUTC, err = readEnd(q.Span.StartUTC, v.Get("duration"))
	}
	if err != nil {
		return q, err
	}
	if pin := v.Get("pin"); pin != "" {
		if q.Span.Pin, err = clip.ParsePin(pin); err != nil {
			return q, invalid("invalid pin: %v", err)
		}
	}
	switch format := v.Get("format"); format {
	case "", string(play.Fragmented):
		q.Format = play.Fragmented
	case string(play.MP4):
		q.Format = play.MP4
	default:
		return q, invalid("invalid format: %.40s", format)
	}
	return q, nil
}

// readTime returns a time in RFC 3339, ns UTC. It returns the first or the last ns of an int64 for a year outside.
func readTime(name, text string) (int64, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, invalid("invalid %s: %.200s", name, err.Error())
	}
	switch y := t.Year(); {
	case y < 1678:
		return math.MinInt64, nil
	case y > 2261:
		return math.MaxInt64, nil
	}
	return t.UnixNano(), nil
}

// readEnd returns the end of a duration that begins at a moment. The duration is in seconds, or in the form of earlier versions of MediaMTX: 1m30s.
func readEnd(startUTC int64, text string) (endUTC int64, err error) {
	ns := 0.0
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		ns = seconds * float64(time.Second)
	} else {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, invalid("invalid duration: %.200s", err.Error())
		}
		ns = float64(d)
	}
	switch {
	case math.IsNaN(ns) || ns < 0:
		return 0, invalid("invalid duration: %.40q is less than 0, or no number", text)
	case ns >= math.MaxInt64 || startUTC > math.MaxInt64-int64(ns):
		return math.MaxInt64, nil
	}
	return startUTC + int64(math.Round(ns)), nil
}
