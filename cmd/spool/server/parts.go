package server

// What is linked in registers itself: stages under the names that pipelines use,
// and the schemes of pull URLs. A new stage or protocol is one line here.
import (
	_ "github.com/gospool/spool/sinks/metadata"
	_ "github.com/gospool/spool/sinks/mp4"
	_ "github.com/gospool/spool/stages"
	_ "github.com/gospool/spool/stages/ingest/file"
	_ "github.com/gospool/spool/stages/ingest/rtsp"
	_ "github.com/gospool/spool/stages/ingest/testpattern"
)
