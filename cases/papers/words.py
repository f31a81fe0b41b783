"""The words of the papers, Chinese first, as offices write them."""

from cases.models import Channel
from cases.workflow import Document
from layers.models import StructureType

LANGUAGES = ("zh_Hans", "en")

TITLES: dict[Document, tuple[str, str]] = {
    Document.SURVEY_SHEET: ("圈占绿地摸底表", "Survey sheet"),
    Document.MINUTES: ("联席会议纪要", "Minutes of the joint meeting"),
    Document.ANNOUNCEMENT: ("清理圈占公共绿地公告", "Announcement"),
    Document.VISIT_RECORD: ("入户走访记录", "Record of a household visit"),
    Document.CREDIT_CONTRACT: ("信用合约", "Credit contract"),
    Document.DEADLINE_NOTICE: ("限期整改通知书", "Deadline notice"),
    Document.ASSISTANCE_CONSENT: ("协助清理同意书", "Consent to assisted clearing"),
    Document.OBJECTION_DECISION: ("异议处理决定书", "Decision on an objection"),
    Document.REFERRAL: ("移交函", "Referral"),
    Document.ACCEPTANCE_FORM: ("验收表", "Acceptance form"),
}

STRUCTURES: dict[str, tuple[str, str]] = {
    StructureType.FENCE: ("围栏", "fence"),
    StructureType.HEDGE: ("绿篱", "hedge"),
    StructureType.PAVING: ("硬化地面", "paving"),
    StructureType.SHED: ("棚屋", "shed"),
    StructureType.PLANTING: ("种植", "planting"),
    StructureType.GLASSHOUSE: ("阳光房", "glasshouse"),
    StructureType.OTHER: ("其他", "other"),
    StructureType.NONE: ("无", "none"),
}

CHANNELS: dict[str, tuple[str, str]] = {
    Channel.NOTICE_BOARD: ("公告栏", "notice board"),
    Channel.DOOR: ("入户张贴", "doors"),
    Channel.CHAT_GROUP: ("业主群", "chat group"),
    Channel.LOUDSPEAKER: ("广播", "loudspeaker"),
    Channel.OTHER: ("其他", "another way"),
}

WORDS: dict[str, tuple[str, str]] = {
    "abstained": ("弃权", "Abstained"),
    "acceptance": (
        "经复测，上述地块已清理完毕，残留在允许误差内，同意验收。",
        "The re-survey found the ground above cleared within the tolerance. It is accepted.",
    ),
    "against": ("反对", "Against"),
    "agenda": ("议题", "Agenda"),
    "announced_ground": ("公告地块", "Ground that is announced"),
    "area": ("面积（m²）", "Area, m²"),
    "attendance": ("到会情况", "Who took part"),
    "authority": ("接收单位", "Referred to"),
    "body": ("单位", "Body"),
    "building": ("楼栋", "Building"),
    "campaign": ("专项整治", "Campaign"),
    "case": ("案件编号", "Case"),
    "community": ("小区", "Community"),
    "condition": ("状况", "Condition"),
    "consent": (
        "住户同意由社区组织协助清理下列物品。物品由双方清点，清理后归还住户或按其意愿处理。"
        "本同意可在清理开始前随时撤回。",
        "The household agrees that what is listed below is cleared with help. Both sides count"
        " it; afterwards it is given back or dealt with as the household wishes. The consent"
        " may be withdrawn until clearing begins.",
    ),
    "contract": (
        "住户承诺自行清理上述地块并恢复为公共绿地，此后不再圈占，并爱护所恢复的绿化。",
        "The household undertakes to clear the ground above, to give it back as common green,"
        " not to take it again, and to take care of what grows there.",
    ),
    "contract_effect": (
        "信用积分仅用于社区内的奖励，不得对外公开扣分。另行征得同意后方可计分。",
        "Credit points serve rewards within the community alone and are shown to nobody"
        " outside. Points are kept only with a consent of its own.",
    ),
    "correction": ("更正说明", "Corrected because"),
    "count": ("数量", "How many"),
    "date": ("日期", "Date"),
    "deadline": ("期限", "Deadline"),
    "for": ("赞成", "For"),
    "held_on": ("时间", "Held on"),
    "household": ("住户", "Household"),
    "inspected_by": ("验收测量人", "Inspected by"),
    "inspected_on": ("验收测量日期", "Inspected on"),
    "inventory": ("物品清单", "Inventory"),
    "issued_by": ("出具人", "Issued by"),
    "issued_on": ("日期", "Date"),
    "issuer": ("发布单位", "Issued by"),
    "map": ("公告地块位置图", "Where the ground lies"),
    "map_note": (
        "深色为公告地块，浅色为楼栋；上北。",
        "Dark is the ground, light the buildings; north is up.",
    ),
    "minutes": ("纪要", "Minutes"),
    "months": ("个月", "months"),
    "no_force": (
        "社区不采取强制措施，也不停水停电。",
        "The community uses no force and cuts no supply.",
    ),
    "objection": ("异议途径", "How to object"),
    "outcome": ("结果", "Outcome"),
    "page": ("第 {page} 页，共 {pages} 页", "Page {page} of {pages}"),
    "parcel": ("地块", "Parcel"),
    "parcels": ("涉及地块", "Ground"),
    "people": ("人数", "People"),
    "place": ("地点", "Place"),
    "reason": ("说明", "Reason"),
    "referral": (
        "住户在多次走访后仍不同意清理。现将有关情况移交，请依法处理。",
        "After repeated visits the household does not agree to clear. The matter is referred,"
        " to be dealt with under the law.",
    ),
    "resolution": ("决议", "Resolution"),
    "resolutions": ("决议事项", "What was resolved"),
    "sign_body": ("社区代表（签字）", "For the community (signature)"),
    "sign_date": ("日期", "Date"),
    "sign_first": ("测量人（签字）", "Inspector (signature)"),
    "sign_household": ("住户（签字）", "Household (signature)"),
    "sign_issuer": ("发布单位（盖章）", "Issuer (seal)"),
    "sign_second": ("验收人（签字）", "Accepted by (signature)"),
    "standard": ("评分标准版本", "Score standard"),
    "structure": ("圈占形式", "Structure"),
    "survey": ("测量坐标系", "Survey CRS"),
    "total": ("合计", "Total"),
    "upkeep": ("养护期限", "Upkeep"),
    "version": ("第 {version} 版", "version {version}"),
    "what": ("物品", "What"),
}


def say(word: tuple[str, str], language: str) -> str:
    """Return a word in ``language``; all that is not Chinese is English."""
    return word[0] if language.startswith("zh") else word[1]
