package harness

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/yardstick"
)

// The metrics of start.
const (
	startUnit    = "first-answer-ms"              // the record directory is new, and so is the database
	restartUnit  = "first-answer-old-database-ms" // of the second start in the same record directory
	strippedUnit = "stripped-MB"                  // size of the binary without symbols and debug information
)

// startRound starts spool serve twice in the same record directory, and adds the time from exec to the first answer of
// its API: with a new database, and with an existing one. On Linux it also adds the size of the binary.
func startRound(ctx context.Context, parent string, b *bench) error {
	_, err := yardstick.Measure(parent, func(dir string) error {
		fresh, err := firstAnswer(ctx, b.self, dir)
		if err != nil {
			return err
		}
		again, err := firstAnswer(ctx, b.self, dir)
		if err != nil || b.warm {
			return err
		}
		b.r.add(startUnit, fresh.Seconds()*1000)
		b.r.add(restartUnit, again.Seconds()*1000)
		if size, err := strippedBytes(b.self); err == nil { // an error: the binary is not of Linux
			b.r.add(strippedUnit, float64(size)/1e6)
		}
		return nil
	})
	return err
}

// startConfig is the default configuration without the demo stream, with free ports and a record directory.
const startConfig = `
http: {listen: "%s"}
ingest: {rtsp: {listen: "127.0.0.1:0", udp: {rtp: 0, rtcp: 0}}, webrtc: {listen: ""}}
mp4: {record_path: "%s"}
database: {dsn: "%s"}
`

// Bounds of firstAnswer.
const (
	answerEvery  = 500 * time.Microsecond // interval of the requests: a longer one rounds the result up
	answerWithin = 30 * time.Second
)

// firstAnswer runs spool serve with the record directory dir, and returns the time from its start to the first answer
// with status 200. Then it ends the process and waits for its end.
func firstAnswer(ctx context.Context, spool, dir string) (took time.Duration, err error) {
	address, err := child.FreeAddress()
	if err != nil {
		return 0, err
	}
	file := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(startConfig, address, filepath.Join(dir, "recordings"), filepath.Join(dir, "recordings", "spool.db"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return 0, err
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, spool, "serve", "-c", file)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &output, &output, time.Second
	cmd.Env = child.Environ()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: answerWithin}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	for !answers(ctx, client, "http://"+address+"/mp4/streams") {
		if time.Since(began) > answerWithin || ctx.Err() != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return 0, fmt.Errorf("%s serve does not answer within %v: %s", spool, answerWithin, &output)
		}
		time.Sleep(answerEvery)
	}
	took = time.Since(began)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%s serve: %w: %s", spool, err, &output)
	}
	return took, nil
}

// answers reports whether a GET of the URL returns status 200.
func answers(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// strippedBytes returns the size of an ELF file without its symbols and debug information.
func strippedBytes(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size := info.Size()
	for _, s := range f.Sections {
		if s.Type == elf.SHT_SYMTAB || s.Name == ".strtab" || strings.HasPrefix(s.Name, ".debug_") || strings.HasPrefix(s.Name, ".zdebug_") {
			size -= int64(s.FileSize)
		}
	}
	return size, nil
}
