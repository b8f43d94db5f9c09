package harness

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/live"
	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/pipeline/config"
)

// liveConfig is a configuration of spool that records every published stream, without a gop_ring. live.Server
// explains the words in braces.
const liveConfig = `
ingest: {rtsp: {listen: "{addr}", udp: {rtp: 0, rtcp: 0}}}
http: {listen: "{http}"}
flush_interval: %v
flush_bytes: %v
mp4: {record_path: "{dir}/recordings", fragment: %v, fragment_duration: %v, sync: %s}
database: {dsn: "{dir}/spool.db"}
pipelines:
  bench:
    streams: ["**"]
    record: always
    stages: [source, segmenter, mp4, metadata]
`

// liveCase measures spool and a server that discards the media, in turn, under the same load of RTSP publishers.
func liveCase(ctx context.Context, dir string, c Case, o Options) (Result, error) {
	r := Result{Kind: "live", Case: c}
	args := []string{"bench", "part"}
	load := append([]string{o.Self}, args...)
	samples, err := live.Compare(ctx, live.Settings{
		Streams: c.Streams, Runs: o.Runs, Warm: 4 * time.Second, Window: o.Window, TempDir: dir,
		Servers: []live.Server{
			{Name: "bare", Argv: append(append([]string{o.Self}, args...), "bare", "{addr}"), Took: live.Printed},
			{
				Name: "spool", Argv: []string{o.Self, "serve", "-c", "{dir}/config.yaml"},
				Config: fmt.Sprintf(liveConfig, c.Flush, config.Size(c.Bytes), c.Format == "fmp4", c.Fragment, c.Sync), Took: live.Recorded(c.FPS),
			},
		},
		Load: append(load, "load", "rtsp://{addr}/live/cam%03d",
			strconv.Itoa(c.Streams), strconv.Itoa(c.Bitrate), strconv.Itoa(c.FPS), c.GOP.String()),
	})
	if err != nil {
		return r, err
	}
	bare := map[int]live.Sample{}
	for _, s := range samples {
		if s.Server == "bare" {
			bare[s.Run] = s
			continue
		}
		limit := bare[s.Run]
		seconds := s.Window.Seconds()
		r.add("x-bare", (float64(s.Usage.CPU())/seconds)/(float64(limit.Usage.CPU())/limit.Window.Seconds()))
		r.add("cpu-ms/s/stream", s.Usage.CPU().Seconds()*1000/seconds/float64(c.Streams))
		r.add("bare-cpu-ms/s/stream", limit.Usage.CPU().Seconds()*1000/limit.Window.Seconds()/float64(c.Streams))
		r.add("RSS-MB", float64(s.Usage.RSSBytes)/1e6)
		r.add("bare-RSS-MB", float64(limit.Usage.RSSBytes)/1e6)
		r.add("written-MB/s", float64(s.Usage.WrittenBytes)/seconds/1e6)
		r.add("reads/s", float64(s.Usage.ReadCalls)/seconds)
		r.add("writes/s", float64(s.Usage.WriteCalls)/seconds)
	}
	return r, nil
}

// LiveClip makes the clip that the publishers of a live case send. bitrate is in bit/s, gop the duration of a GOP.
func LiveClip(bitrate, fps int, gop time.Duration) (*clip.Clip, error) {
	m, err := movie.Pattern(movie.Spec{Bitrate: bitrate, FPS: fps, GOP: gop, Length: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	return m.Clip, nil
}
