package mp4

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

func TestFinishedFileHoldsEveryAccessUnitOfItsSource(t *testing.T) {
	for name, r := range map[string]recipe{"h264": avc(8), "h265": hevc(4)} {
		for _, fragment := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "/fragment"}[fragment], func(t *testing.T) {
				src, cfg := record(t, r), Defaults()
				cfg.Fragment = fragment
				s := newSession(t, cfg, nil)
				rec := s.record(t, src, media.NewCheckedPool(), nil)
				require.Equal(t, media.StateFinished, rec.State)
				require.Equal(t, media.EndStop, rec.EndReason)
				requireSame(t, src, s.path(rec))
				requirePlays(t, s.path(rec))
				if fragment {
					require.Equal(t, []string{"ftyp", "moov", "free", "sidx", "moof", "mdat", "prft"}, order(t, s.path(rec))[:7])
				} else {
					require.Equal(t, []string{"ftyp", "free", "moov", "free", "mdat"}, order(t, s.path(rec)))
				}
				var report pipeline.Report
				s.Report(&report)
				t.Log(report.Finish, order(t, s.path(rec))[:5])
			})
		}
	}
}
