package configs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

const referenceHead = `# Every setting with its default and what it means. Generated from the program: change
# the code, then run make generate.
#
# Durations are plain seconds or Go durations (10, 2.5, 1h30m); sizes are bytes or have a
# unit (64MiB, 2GB). In the environment mp4: record_path: is SPOOL_MP4__RECORD_PATH.

`

// Reference returns the content of reference.yaml: a valid configuration with all defaults, an example for each
// setting that has no default, and the settings of the given stages.
func Reference(stages []pipeline.StageInfo) []byte {
	c := Default()
	c.Streams = map[StreamPath]Stream{
		"live/camera01": {Pull: config.NewURLs("rtsp://10.0.0.5/stream1", "rtsp://10.0.0.6/stream1"), PullAlways: true, Transport: "tcp", OverridePublisher: true, Priority: 10, ReadTimeout: config.Duration(2 * time.Minute), ReconnectGrace: config.Duration(time.Minute), WallClock: "arrival", Audio: StreamAudio{G711: "keep"}, Retention: exampleRetention},
		"live/camera02": {Pull: config.NewURLs("rtsps://10.0.0.6/stream1"), TLS: PullTLS{Fingerprint: strings.Repeat("0", 64)}},
	}
	for name, stages := range map[PipelineName][]byte{DefaultPipeline: pipelineYAML, DefaultLive: liveYAML} {
		p := c.Pipelines[name]
		p.Stages = defaultStages(name, stages, config.Pos{}) // without what they inherit: withStages finds them
		c.Pipelines[name] = p
	}
	c.Crontab.Jobs = []Job{{
		Name: "Daily recording", Cron: "0 8 * * *", Action: "record_start", Stream: "live/camera01",
		Duration: config.Duration(8 * time.Hour), Timezone: "Europe/Berlin",
	}}
	c.Declare = exampleDeclare(c.Declare.Limits)
	c.Database.DSN = config.DSN{}
	c.HTTP.Auth, c.HTTP.TLS, c.Ingest.Auth = exampleAuth()
	c.HTTP.Hosts, c.HTTP.TrustedProxies = []string{"recorder.lan"}, []string{"127.0.0.1", "10.0.0.0/8"}
	c.HTTP.MediaMTX = MediaMTX{Listen: "127.0.0.1:9996", AllowOrigins: []string{"https://nvr.example.com"}}
	_, docs := config.Describe(c)
	text := config.Reveal(c).YAML(config.Style{Doc: func(path string) string { return docs[path] }}) // its secrets are examples
	return fmt.Appendf(nil, "%s%s", referenceHead, withStages(text, stages))
}

// withStages replaces, in the YAML text of reference.yaml, the stages of the default pipelines by the same stages
// with all their settings; it panics if it does not find them. After those of the pipeline that records it adds the other stages, as comments.
func withStages(text []byte, stages []pipeline.StageInfo) []byte {
	var places, documented, others bytes.Buffer
	if at := slices.IndexFunc(stages, func(s pipeline.StageInfo) bool { return s.Kind == pipeline.KindOutput }); at >= 0 {
		place := fmt.Appendf(nil, "      - %s: {}\n", stages[at].Name)
		text = replaceOnce(text, place, []byte(indent(StagesYAML(stages[at:at+1]), "      ")))
		stages = slices.Delete(slices.Clone(stages), at, at+1)
	}
	for _, n := range defaultStages(DefaultPipeline, pipelineYAML, config.Pos{}).List {
		name := n.Entries[0].Key
		fmt.Fprintf(&places, "      - %s: {}\n", name)
		at := slices.IndexFunc(stages, func(s pipeline.StageInfo) bool { return s.Name == name })
		if at < 0 {
			fmt.Fprintf(&documented, "      - %s: {}\n", name)
			continue
		}
		documented.WriteString(indent(StagesYAML(stages[at:at+1]), "      "))
		stages = slices.Delete(slices.Clone(stages), at, at+1)
	}
	if len(stages) > 0 {
		others.WriteString(indent(StagesYAML(stages), "      # "))
	}
	return replaceOnce(text, places.Bytes(), append(documented.Bytes(), others.Bytes()...))
}

// replaceOnce is bytes.Replace for a text that has the old part.
func replaceOnce(text, old, by []byte) []byte {
	if !bytes.Contains(text, old) {
		panic(fmt.Sprintf("reference.yaml has no %q", old))
	}
	return bytes.Replace(text, old, by, 1)
}

func indent(text []byte, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", "\n"+by) + "\n"
}

// StagesYAML returns a list of stages as YAML, each with all settings at their defaults. The list need not make
// a valid pipeline.
func StagesYAML(stages []pipeline.StageInfo) []byte {
	var out bytes.Buffer
	for _, s := range stages {
		n, docs := config.Describe(s.Defaults)
		out.WriteString(config.Comment(fmt.Sprintf("%s%s: %s", kindOf(s), types(s), s.Doc), 0))
		if len(n.Entries) == 0 {
			fmt.Fprintf(&out, "- %s: {}\n", s.Name)
			continue
		}
		settings := n.YAML(config.Style{Doc: func(path string) string { return docs[path] }})
		fmt.Fprintf(&out, "- %s:\n%s", s.Name, indent(settings, "    "))
	}
	return out.Bytes()
}

func kindOf(s pipeline.StageInfo) string {
	if s.Kind == pipeline.KindOutput {
		return "An output"
	}
	return "A " + s.Kind.String()
}

func types(s pipeline.StageInfo) string {
	switch {
	case s.Kind == pipeline.KindOutput:
		return ""
	case s.In == nil:
		return " that gives " + pipeline.ElementName(s.Out)
	case s.Out == nil:
		return " that takes " + pipeline.ElementName(s.In)
	}
	return fmt.Sprintf(" that takes %v and gives %v", pipeline.ElementName(s.In), pipeline.ElementName(s.Out))
}
