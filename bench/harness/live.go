package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/live"
	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/pipeline/config"
)

// liveConfig is a configuration of spool that records every published stream, without a gop_ring. live.Server explains
// the words in braces.
const liveConfig = `
ingest: {%s}
http: {listen: "{http}"}
egress: {max_readers: 0}
flush_interval: %v
flush_bytes: %v
mp4: {record_path: "{dir}/recordings", fragment: %v, fragment_duration: %v, sync: %s}
database: {dsn: "{dir}/spool.db"}
pipelines:
  bench:
    streams: ["**"]
    record: %s
    stages: [source, segmenter, mp4, metadata]
`

// LiveOptions holds the settings of live alone.
type LiveOptions struct {
	Window   time.Duration // measured time of a round
	Rest     time.Duration // from the end of the load to the reading of the memory at rest
	InPhase  bool          // all publishers begin at the same moment, with a key frame
	Readers  int           // viewers of the streams; 0: the streams are recorded
	Protocol string        // of the viewers: rtsp, fmp4 or hls; without viewers, of the publishers: rtsp, rtmp, srt or ts
	Against  []string      // command lines of other servers: see live.Command. Each finds the configuration of spool in {dir}/config.yaml
}

// Check returns an error for a Protocol that does not fit.
func (o *LiveOptions) Check() error {
	of, may := "publishers", []string{"rtsp", "rtmp", "srt", "ts"}
	hint := "; with --readers it is the protocol of the viewers"
	if o.Readers > 0 {
		of, may, hint = "viewers", []string{"rtsp", "fmp4", "hls"}, "; their streams are published by RTSP"
	}
	if !slices.Contains(may, o.Protocol) {
		return fmt.Errorf("the protocol of %s is one of %s, not %s%s", of, strings.Join(may, ", "), o.Protocol, hint)
	}
	return nil
}

// publishers returns the protocol of the publishers.
func (o *LiveOptions) publishers() string {
	if o.Readers > 0 {
		return "rtsp"
	}
	return o.Protocol
}

// liveLap is the length of the clip that the publishers send in a loop.
const liveLap = 10 * time.Second

// liveCase measures spool, two servers that discard the media, and others, in turn, under the same load of
// publishers. After a loss it returns an error and the result.
func liveCase(ctx context.Context, dir string, c Case, o Options) (Result, error) {
	r := Result{Kind: "live", Case: c, Publishers: o.Live.publishers()}
	spec := clip.Spec{FPS: c.FPS, Seconds: int(liveLap.Seconds()), GOP: max(int(c.GOP*time.Duration(c.FPS)/time.Second), 1), Bitrate: c.Bitrate}
	coded, err := clip.Make(ctx, os.TempDir(), spec)
	if err != nil {
		return r, err
	}
	recorded, mode := live.Recordings(coded), "always"
	if o.Live.Readers > 0 {
		recorded, mode = nil, "manual"
	}
	settings := fmt.Sprintf(liveConfig, ingestSettings(r.Publishers, c.Streams), c.Flush, config.Size(c.Bytes), c.Format == "fmp4", c.Fragment, c.Sync, mode)
	part := []string{o.Self, "bench", "part"}
	servers := append(bareServers(part, coded.Bitrate()+publishload.SoundBitrate, c.Streams, c.GOP, &o.Live),
		live.Server{Name: "spool", Argv: []string{o.Self, "serve", "-c", "{dir}/config.yaml"}, Config: settings, Rest: true, Took: recorded})
	for _, text := range o.Live.Against {
		s, err := live.Command(text, recorded)
		if err != nil {
			return r, err
		}
		s.Config = settings
		servers = append(servers, s)
	}
	load := append(part[:3:3], "load", publisherURL[r.Publishers], strconv.Itoa(c.Streams), filepath.Join(os.TempDir(), spec.FileName()), strconv.Itoa(c.FPS))
	if o.Live.InPhase {
		load = append(load, "--in-phase")
	}
	if o.Live.Readers > 0 {
		r.Readers = fmt.Sprintf("%d viewers by %s", o.Live.Readers, o.Live.Protocol)
		url := map[string]string{
			"rtsp": "rtsp://{addr}/live/cam%03d", "fmp4": "http://{http}/mp4/live/live/cam%03d.mp4", "hls": "http://{http}/mp4/live/live/cam%03d/index.m3u8",
		}[o.Live.Protocol]
		load = append(load, "--readers", strconv.Itoa(o.Live.Readers), "--read-protocol", o.Live.Protocol, "--read", url)
	}
	samples, err := live.Compare(ctx, live.Settings{
		Servers: servers, Load: load, Protocol: r.Publishers, Streams: c.Streams, Runs: o.Runs, TempDir: dir,
		Warm: 2 * c.GOP, Window: o.Live.Window, Tail: c.GOP, Rest: o.Live.Rest,
	})
	if err == nil || len(samples) == o.Runs*len(servers) {
		r.live(samples)
	}
	return r, err
}

// live adds the metrics of the samples: the cost of spool, and its ratio to that of each other server in the same run.
func (r *Result) live(samples []live.Sample) {
	r.Servers = live.Summarise(samples, "spool", r.Case.Streams)
	own := map[int]live.Sample{}
	for _, s := range samples {
		if s.Server == "spool" {
			own[s.Run] = s
		}
	}
	perStream := func(s live.Sample) float64 { // /proc counts in ticks of 10 ms: 0 means less than one
		return max(s.Usage.CPU(), 10*time.Millisecond).Seconds() * 1000 / s.Window.Seconds() / float64(r.Case.Streams)
	}
	for _, s := range samples {
		spool := own[s.Run]
		if s.Server != "spool" {
			name := strings.NewReplacer(", ", "-", " ", "-").Replace(s.Server)
			r.add("x-"+name, perStream(spool)/perStream(s))
			r.add("x-"+name+"-peak-RSS", float64(spool.PeakBytes)/float64(s.PeakBytes))
			continue
		}
		r.add("cpu-ms/s/stream", perStream(s))
		r.add("peak-RSS-MB", float64(s.PeakBytes)/1e6)
		r.add("rest-RSS-MB", float64(s.RestBytes)/1e6)
		r.add("written-MB/s", float64(s.Usage.WrittenBytes)/s.Window.Seconds()/1e6)
		r.add("reads/s", float64(s.Usage.ReadCalls)/s.Window.Seconds())
		r.add("writes/s", float64(s.Usage.WriteCalls)/s.Window.Seconds())
	}
}
