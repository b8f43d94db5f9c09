package play

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/pipeline/media"
)

// stream is the stream of the footage, and filePrefix begins the names of its files.
const (
	stream     = "live/bench"
	filePrefix = "bench_"
)

// footage is a record directory with the recordings of one span, and a catalogue.
type footage struct {
	dir, recordings string
	config          string // path of the configuration, to which serve adds the address
	startUTC        int64  // ns
	endUTC          int64
}

// settings is a configuration that records nothing.
const settings = `
http: {listen: "%s"}
ingest: {rtsp: {listen: "127.0.0.1:0", udp: {rtp: 0, rtcp: 0}}, webrtc: {listen: ""}}
mp4: {record_path: "%s"}
database: {dsn: "%s"}
`

// record makes the recordings below dir, faster than real time, and their rows in the catalogue.
func record(ctx context.Context, dir string, o *Options, step func()) (*footage, error) {
	end := time.Now().Add(-time.Minute).Truncate(time.Second) // spool would not believe a clock that is long after the last recording
	f := &footage{dir: dir, recordings: filepath.Join(dir, "recordings"), startUTC: end.Add(-o.Span).UnixNano(), endUTC: end.UnixNano()}
	if err := os.Mkdir(f.recordings, 0o755); err != nil {
		return nil, err
	}
	film, err := movie.Pattern(movie.Spec{Bitrate: o.Bitrate, FPS: o.FPS, GOP: 2 * time.Second, Length: o.fileLength()})
	if err != nil {
		return nil, err
	}
	pool := media.NewPool(64 << 20)
	for n := range o.Files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		_, err := mux.Run(ctx, f.recordings, film, pool, mux.Options{
			Stream: stream, Pipeline: "default", Name: fmt.Sprintf("%s%05d.mp4", filePrefix, n), StartUTC: f.startUTC + int64(n)*int64(o.fileLength()),
		})
		if err != nil {
			return nil, err
		}
		step()
	}
	if err := f.configure("127.0.0.1:0"); err != nil {
		return nil, err
	}
	reindex := exec.CommandContext(ctx, o.Spool, "reindex", "-c", f.config)
	reindex.Env = child.Environ()
	out, err := reindex.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("spool reindex: %w: %s", err, out)
	}
	return f, nil
}

// configure writes the configuration with an address for the API.
func (f *footage) configure(address string) error {
	f.config = filepath.Join(f.dir, "config.yaml")
	text := fmt.Sprintf(settings, address, f.recordings, filepath.Join(f.recordings, "spool.db"))
	return os.WriteFile(f.config, []byte(text), 0o600)
}

// path returns the path and the query of the span in a format.
func (f *footage) path(format string) string {
	q := url.Values{"start": {stamp(f.startUTC)}, "end": {stamp(f.endUTC)}}
	if format == "hls" {
		return "/mp4/hls/" + stream + "/index.m3u8?" + q.Encode()
	}
	q.Set("format", format)
	return "/mp4/play/" + stream + "?" + q.Encode()
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }
