{{- /* What operator and server may do where EvalJobs are. Neither may read a Secret.
       tests/cluster/test_chart_rights.py compares this with what the code asks for. */ -}}
{{- define "evallab.operatorRules" -}}
- apiGroups: [evallab.dev]
  resources: [evaljobs]
  verbs: [get, list, watch, delete]  # delete: ttlSecondsAfterFinished
- apiGroups: [evallab.dev]
  resources: [evaljobs/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, delete]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, get, list, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [create, get, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [create, get, list, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [create, list]
{{- if .Values.kueue.enabled }}
- apiGroups: [kueue.x-k8s.io]
  resources: [workloads]
  verbs: [list]
{{- end }}
{{- end }}

{{- define "evallab.serverRules" -}}
- apiGroups: [evallab.dev]
  resources: [evaljobs]
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end }}

{{- /* Who has a role: dict "root" $ "component" "operator" */ -}}
{{- define "evallab.subject" -}}
subjects:
- kind: ServiceAccount
  name: {{ include "evallab.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
