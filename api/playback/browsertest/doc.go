//go:build linux

// Package browsertest plays files in real browsers, for tests. Chromium and Firefox are those of Debian, and run without a screen.
package browsertest
