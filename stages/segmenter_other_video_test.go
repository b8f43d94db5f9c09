package stages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// A file that begins between key frames of a second video is counted, and keeps all its pictures. Sound has no such
// beginning.
func TestSegmenterCountsFilesThatBeginAmidAGOPOfAnotherVideo(t *testing.T) {
	video := pipelinetest.AVC(640, 360)
	video.Timescale = 48000 // of the camera's second track, none of whose units is a sync sample
	for warnings, second := range map[int]media.Track{1: video, 0: pipelinetest.AAC()} {
		pool := pipelinetest.Pool(t)
		cam := pipelinetest.NewCamera(t, pool)
		cam.Tracks(t, pipelinetest.AVC(640, 360), second)
		r := newReel(t, SegmenterConfig{MaxDuration: config.Duration(2 * time.Second)}, nil)
		shot := append(cam.Shoot(t, 200), cam.Cut()...)
		want := units(shot)
		r.feed(shot...)
		r.flush()
		require.Greater(t, len(r.segments), 2)
		got := 0
		for _, s := range r.segments {
			got += s.units
		}
		require.Equal(t, want, got, "all pictures are kept")
		var report pipeline.Report
		r.seg.(*segmenter).Report(&report)
		require.Len(t, report.Warnings, warnings)
		require.EqualValues(t, warnings*len(r.segments), r.seg.(*segmenter).others.amid.Load())
	}
}
