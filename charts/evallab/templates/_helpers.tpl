{{- /* Names and pieces that several templates need. */ -}}
{{- define "evallab.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- /* Of one part: dict "root" $ "component" "server". What never changes, for selectors. */ -}}
{{- define "evallab.selector" -}}
app.kubernetes.io/name: evallab
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "evallab.labels" -}}
{{ include "evallab.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: evallab
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* A reference: dict "root" $ "image" .Values.image */ -}}
{{- define "evallab.reference" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "evallab.image" -}}
{{ include "evallab.reference" (dict "root" . "image" .Values.image) }}
{{- end }}

{{- define "evallab.url" -}}
http://{{ include "evallab.fullname" . }}.{{ .Release.Namespace }}.svc:8080
{{- end }}

{{- /* Namespaces whose EvalJobs are run, as JSON; empty: all. */ -}}
{{- define "evallab.namespaces" -}}
{{- if and (eq .Values.rbac.scope "namespace") (not .Values.watchNamespaces) -}}
{{ list .Release.Namespace | toJson }}
{{- else -}}
{{ .Values.watchNamespaces | uniq | toJson }}
{{- end -}}
{{- end }}

{{- /* One ServiceAccount for attempts cannot be in namespaces that nobody named. */ -}}
{{- define "evallab.attemptAccount" -}}
{{- if .Values.attempts.serviceAccount -}}
{{ .Values.attempts.serviceAccount }}
{{- else if eq .Values.rbac.scope "namespace" -}}
{{ include "evallab.fullname" . }}-attempt
{{- else -}}
default
{{- end -}}
{{- end }}

{{- define "evallab.databaseSecret" -}}
{{- if and .Values.postgres.existingSecret .Values.postgres.demo.enabled -}}
{{ fail "\n\nGive either postgres.existingSecret or postgres.demo.enabled=true, not both." }}
{{- else if .Values.postgres.existingSecret -}}
{{ .Values.postgres.existingSecret }}
{{- else if .Values.postgres.demo.enabled -}}
{{ include "evallab.fullname" . }}-demo-postgres
{{- else -}}
{{ fail (printf "\n\nevallab keeps its results in Postgres, and no database was named. Make a Secret in namespace %s whose key `uri` is a postgresql:// URL, and give its name: --set postgres.existingSecret=NAME. To only try things out: --set postgres.demo.enabled=true." .Release.Namespace) }}
{{- end -}}
{{- end }}

{{- define "evallab.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "evallab.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* Where a pod may run: dict "root" $ "part" .Values.server */ -}}
{{- define "evallab.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .part.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The environment of operator and server: dict "root" $ "home" "/tmp/evallab" "more" .Values.server.extraEnv */ -}}
{{- define "evallab.env" -}}
- name: EVALLAB_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ include "evallab.databaseSecret" .root }}, key: uri}}
- {name: EVALLAB_CLUSTER_CONFIG, value: /etc/evallab/cluster.yaml}
- {name: EVALLAB_CONFIG_DIR, value: /etc/evallab}
- {name: EVALLAB_HOME, value: {{ .home }}}
- {name: HOME, value: /tmp}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- with .more }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The configuration as a volume: files of providers and collections lie in folders of their own. */ -}}
{{- define "evallab.configVolume" -}}
name: config
configMap:
  name: {{ include "evallab.fullname" . }}
  items:
  - {key: cluster.yaml, path: cluster.yaml}
  - {key: config.yaml, path: config.yaml}
{{- range $file := keys (include "evallab.providers" . | fromYaml) | sortAlpha }}
  - {key: providers.{{ $file }}, path: providers/{{ $file }}}
{{- end }}
{{- range $file := keys .Values.collections | sortAlpha }}
  - {key: collections.{{ $file }}, path: collections/{{ $file }}}
{{- end }}
{{- end }}

{{- /* All files of providers: the given ones, and that of the self-test. */ -}}
{{- define "evallab.providers" -}}
{{- $files := deepCopy .Values.providers -}}
{{- if .Values.selfTest.enabled -}}
{{- $_ := set $files "evallab-selftest.yaml" (tpl (.Files.Get "files/selftest-provider.yaml") .) -}}
{{- end -}}
{{ toYaml $files }}
{{- end }}

{{- /* True where the ReplicaSet's pods have to be replaced because their configuration changed. */ -}}
{{- define "evallab.checksum" -}}
{{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
{{- end }}
