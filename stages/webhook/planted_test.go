package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
)

// TestANoticeThatIsChangedBeforeItIsSentIsNotSent: what is in the outbox is what was put
// there, or it stays.
func TestANoticeThatIsChangedBeforeItIsSentIsNotSent(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	up := make(chan struct{})
	server := listen(t, func(int, string) int { <-up; return http.StatusOK })
	other := listen(t, func(int, string) int { return http.StatusOK })
	p := begin(t, dir, newClock())
	for n := range 3 { // the first is being sent
		require.NoError(t, p.Put(notice(pipeline.SystemClock, server.URL, fmt.Sprintf(`{"n":%d}`, n))))
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	require.NoError(t, err)
	require.Len(t, names, 3)
	text, err := json.Marshal(notice(pipeline.SystemClock, other.URL, `{"evil":1}`))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(names[2], text, 0o600))
	close(up)
	settled(t, p.Outbox)
	require.Equal(t, []string{`{"n":0}`, `{"n":1}`}, server.heard())
	require.Empty(t, other.heard())
	require.FileExists(t, names[2])
	require.Equal(t, Counts{Delivered: 2, GivenUp: 1}, p.Counts())
}

// TestANoticeIsReadForATargetThatIsDeclared, with the secret that is declared for it.
func TestANoticeIsReadForATargetThatIsDeclared(t *testing.T) {
	n := notice(pipeline.SystemClock, "http://10.0.0.5/x", `{"n":1}`)
	n.SecretFile, n.SecretEnv = "/a", "B"
	text, err := json.Marshal(n)
	require.NoError(t, err)
	b := &Outbox{dir: t.TempDir(), disk: durable.Disk{}}
	file := "0000000000000001" + suffix
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, file), text, 0o600))
	for want, allowed := range map[Target]bool{
		{n.URL, "/a", "B"}: true, {n.URL, "", "B"}: false, {n.URL, "/a", ""}: false, {"http://10.0.0.5/y", "/a", "B"}: false,
	} {
		b.has = func(got Target) bool { return got == want }
		_, err := b.read(file)
		require.Equal(t, allowed, err == nil, "%v", want)
		if !allowed {
			require.ErrorIs(t, err, errTarget)
			require.NotContains(t, err.Error(), "/x", "a URL may hold a secret")
		}
	}
}
