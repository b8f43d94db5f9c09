package recorder

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

func TestTheStateOfAStreamIsThatOfItsJob(t *testing.T) {
	for _, c := range []struct {
		state      JobState
		report     pipeline.Report
		configured bool
		want       string
	}{
		{JobStopping, pipeline.Report{Recording: true}, false, "finishing"},
		{JobBackoff, pipeline.Report{Waiting: "publisher"}, false, "backoff"},
		{JobRunning, pipeline.Report{Recording: true, Waiting: "disk"}, false, "backoff"},
		{JobRunning, pipeline.Report{Recording: true}, false, "recording"},
		{JobRunning, pipeline.Report{Waiting: "publisher"}, true, "connecting"},
		{JobRunning, pipeline.Report{Waiting: "publisher"}, false, "armed"},
		{JobRunning, pipeline.Report{Waiting: "trigger"}, true, "armed"},
		{JobRunning, pipeline.Report{Waiting: "key frame"}, true, "waiting"},
	} {
		require.Equal(t, c.want, (&JobStatus{State: c.state, Report: c.report}).stateOfStream(c.configured), "%+v", c)
	}
}
