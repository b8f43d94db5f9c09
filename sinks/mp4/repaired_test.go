package mp4

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARecoveredFileReportsTheMediaLostFromMemory(t *testing.T) {
	require.Equal(t, "up to flush_interval of media in memory (250ms)", unwritten(250e6).String())
	require.Equal(t, "up to flush_interval of media in memory (1s by default)", unwritten(0).String())
	require.Equal(t, "nothing", Unwritten{}.String())
	require.Equal(t, time.Second, unwritten(-1).AtMost)
}
