package server

// These packages register themselves when they are imported: stages under the names that pipelines
// use, servers and sources of streams under their URL schemes. A new stage or protocol is one line
// here.
import (
	_ "github.com/gospool/spool/sinks/metadata"
	_ "github.com/gospool/spool/sinks/mp4"
	_ "github.com/gospool/spool/sinks/mpegts"
	_ "github.com/gospool/spool/stages"
	_ "github.com/gospool/spool/stages/ingest/exec"
	_ "github.com/gospool/spool/stages/ingest/file"
	_ "github.com/gospool/spool/stages/ingest/httppull"
	_ "github.com/gospool/spool/stages/ingest/mpegts/udp"
	_ "github.com/gospool/spool/stages/ingest/rtmp"
	_ "github.com/gospool/spool/stages/ingest/rtsp"
	_ "github.com/gospool/spool/stages/ingest/srt"
	_ "github.com/gospool/spool/stages/ingest/testpattern"
	_ "github.com/gospool/spool/stages/ingest/webrtc"
)
