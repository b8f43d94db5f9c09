package harness

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/bench/live"
)

// srtLatency is the latency of publishers by SRT: the default of spool.
const srtLatency = time.Second

// publisherURL holds, by protocol, where the publishers of live publish. live.Server explains the words in braces.
var publisherURL = map[string]string{
	"rtsp": "rtsp://{addr}/live/cam%03d",
	"rtmp": "rtmp://{addr}/live/cam%03d",
	"srt":  "srt://{addr}?streamid=publish:live/cam%03d&latency=" + strconv.FormatInt(srtLatency.Milliseconds(), 10),
	"ts":   "udp://{addr}",
}

// ingestLimits are settings for publishers that all come from one address, perhaps at the same moment.
const ingestLimits = "max_connections: 4000, max_connections_per_address: 4000"

// ingestSettings returns the settings of ingest for publishers by a protocol.
func ingestSettings(protocol string, streams int) string {
	rtspListen, other := "", ""
	switch protocol {
	case "rtsp":
		rtspListen = "{addr}"
	case "rtmp":
		other = `rtmp: {listen: "{addr}", ` + ingestLimits + `},`
	case "srt":
		other = fmt.Sprintf(`srt: {listen: "{addr}", latency: %v, %s},`, srtLatency, ingestLimits)
	case "ts":
		inputs := make([]string, streams)
		for i := range inputs {
			inputs[i] = fmt.Sprintf(`{path: live/cam%03d, url: "udp://{addr:%d}"}`, i+1, i+1)
		}
		other = `mpegts: {inputs: [` + strings.Join(inputs, ", ") + `], ` + ingestLimits + `},`
	}
	return fmt.Sprintf(`%s rtsp: {listen: %q, udp: {rtp: 0, rtcp: 0}, %s}, webrtc: {listen: ""}`, other, rtspListen, ingestLimits)
}

// bareServers returns the servers that do no more than a server has to. Without viewers they discard the media. With
// viewers one sends as many bytes: by RTSP those of the publishers, and over HTTP any, of their bitrate. A segment of HLS
// lasts a GOP.
func bareServers(part []string, bitrate, streams int, gop time.Duration, o *LiveOptions) []live.Server {
	bare := func(name string, took func(live.Ended) (live.Taken, error), arg ...string) live.Server {
		return live.Server{Name: name, Argv: append(part[:len(part):len(part)], append([]string{"bare", "{addr}"}, arg...)...), Took: took}
	}
	if o.Readers == 0 {
		protocol := []string{"--protocol", o.publishers(), "--streams", strconv.Itoa(streams)}
		servers := []live.Server{bare("bare", live.Printed, protocol...)}
		switch o.publishers() {
		case "rtsp":
			servers = append(servers, bare("bare, read ahead", live.Printed, append(protocol, "--read-ahead")...))
		case "srt", "ts":
			servers = append(servers, bare("bare, demuxed", live.Printed, append(protocol, "--demux")...))
		}
		return servers
	}
	if o.Protocol == "rtsp" {
		return []live.Server{bare("bare relay", nil, "--relay")}
	}
	arg := []string{"--read-ahead", "--http", "{http}", "--bytes-per-second", strconv.Itoa(bitrate / 8)}
	if o.Protocol == "hls" {
		arg = append(arg, "--segment", gop.String())
	}
	return []live.Server{bare("bare", nil, arg...)}
}
