{{- define "sealwatch.labels" -}}
app.kubernetes.io/name: sealwatch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}
