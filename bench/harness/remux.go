package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/bench/yardstick"
)

// remuxRound runs ffmpeg, cp and spool remux on the same file, each as a process of its own, and adds their CPU times
// to the result.
func remuxRound(ctx context.Context, parent string, b *bench) error {
	_, err := yardstick.Measure(parent, func(dir string) error {
		if _, err := mux.Run(ctx, dir, b.m, b.pool, b.c.options()); err != nil {
			return err
		}
		in := filepath.Join(dir, mux.FileName)
		spool := []string{b.self, "remux", in}
		if b.c.Format == "fmp4" {
			spool = []string{b.self, "remux", "--fragment", in}
		}
		used := map[string]time.Duration{}
		for _, p := range [...]struct {
			name string
			argv []string
		}{
			{"ffmpeg", []string{"ffmpeg", "-v", "error", "-i", in, "-c", "copy"}},
			{"cp", []string{"cp", in}},
			{"spool", spool},
		} {
			out := filepath.Join(dir, "out-"+p.name+".mp4")
			cpu, err := runToEnd(ctx, append(p.argv, out))
			if err != nil {
				return err
			}
			used[p.name] = cpu
			if err := os.Remove(out); err != nil {
				return err
			}
		}
		if b.warm {
			return nil
		}
		b.r.add("x-ffmpeg", float64(used["spool"])/float64(used["ffmpeg"]))
		b.r.add("cpu-ms", used["spool"].Seconds()*1000)
		b.r.add("ffmpeg-cpu-ms", used["ffmpeg"].Seconds()*1000)
		b.r.add("cp-cpu-ms", used["cp"].Seconds()*1000)
		b.r.add("file-MB", float64(b.m.Bytes)/1e6)
		return nil
	})
	return err
}

// runToEnd runs a program to its end and returns its CPU time, as the kernel counted it.
func runToEnd(ctx context.Context, argv []string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", argv[0], err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
