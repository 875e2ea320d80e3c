import type { Text } from "../en/index.ts";

export const edits: Text["edits"] = {
  title: "바꾼 것:",
  whole: "층 전체",
  channels: (listed) => `채널 ${listed}`,
  done: {
    zero: () => "끔",
    scale: (value) => `× ${value}`,
    add: (value) => `+ ${value}`,
    set: (value) => `= ${value}`,
  },
  remove: (edit) => `되돌리기: ${edit}`,
  removeAll: "모두 되돌리기",
  switchOff: (name) => `${name} 끄기`,
  switchOn: (name) => `${name} 켜기`,
  off: "끔",
  form: (layer) => `${layer} 바꾸기`,
  choose: "바꿀 층을 고르세요: 맵을 누르거나 그래프에서 이름을 누릅니다.",
  strip: (layer) => `${layer}: 채널을 누르면 꺼지고, 다시 누르면 켜집니다`,
  channel: (channel) => `채널 ${channel}`,
  scope: "대상",
  scopes: { channel: "고른 채널", layer: "층 전체" },
  operation: "연산",
  operations: { zero: "끔 (0)", scale: "곱하기", add: "더하기", set: "값 지정" },
  value: "수",
  apply: "바꾸기",
  more: (number) => `${number}개 더`,
};
